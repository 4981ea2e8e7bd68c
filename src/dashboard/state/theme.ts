/** Dark or light: as the system has it, until a person says otherwise in this browser. */

type Theme = 'dark' | 'light';

const key = 'co-theme';
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');

export function currentTheme(): Theme {
  const chosen = localStorage.getItem(key);
  if (chosen === 'dark' || chosen === 'light') return chosen;
  return systemIsDark.matches ? 'dark' : 'light';
}

export function switchTheme(theme: Theme): Theme {
  localStorage.setItem(key, theme);
  applyTheme();
  return theme;
}

function applyTheme(): void {
  document.documentElement.dataset.bsTheme = currentTheme();
}

/** Also when the system changes it. */
export function followTheme(): void {
  applyTheme();
  systemIsDark.addEventListener('change', applyTheme);
}
