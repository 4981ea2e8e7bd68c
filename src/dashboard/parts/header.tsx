/** The head of the page: which cluster, whether what is shown is live, in figures, and the theme. */

import { useSignal } from '@preact/signals';
import { send } from '../source/api.ts';
import { connection, session, shown } from '../state/store.ts';
import { currentTheme, switchTheme } from '../state/theme.ts';

export function Header() {
  const { view, isLive } = shown.value;
  const simulated = [...view.nodes.values()].some(({ engine }) => engine.kind === 'simulated');
  return (
    <header class="co-header">
      <h1 class="h5 m-0">{view.cluster?.name ?? 'container-orchestrator'}</h1>
      <Connection isLive={isLive} />
      {simulated && <span class="co-badge co-warn">simulated: nothing really runs</span>}
      <Figures />
      <span class="ms-auto d-flex gap-2 align-items-center">
        <a class="btn btn-sm btn-outline-secondary" href="/docs">
          API
        </a>
        <ThemeButton />
        {session.value?.hasToken && (
          <button type="button" class="btn btn-sm btn-outline-secondary" onClick={logOut}>
            Log out
          </button>
        )}
      </span>
    </header>
  );
}

function Connection({ isLive }: { isLive: boolean }) {
  const { value: state } = connection;
  const words = state === 'lost' ? 'not connected' : state === 'connecting' ? 'connecting' : isLive ? 'live' : 'past';
  const tone = state === 'lost' ? 'bad' : words === 'live' ? 'good' : 'work';
  return (
    <span class={`co-badge co-${tone}`} role="status" data-testid="connection">
      {words}
    </span>
  );
}

function Figures() {
  const { view } = shown.value;
  let ready = 0;
  for (const { state } of view.nodes.values()) if (state === 'ready') ready += 1;
  let running = 0;
  for (const service of view.services.values()) running += service.running;
  return (
    <p class="co-figures m-0" data-testid="figures">
      {ready} of {view.nodes.size} nodes ready · {view.services.size} services · {running} containers running
    </p>
  );
}

function ThemeButton() {
  const theme = useSignal(currentTheme());
  const other = theme.value === 'dark' ? 'light' : 'dark';
  return (
    <button
      type="button"
      class="btn btn-sm btn-outline-secondary"
      onClick={() => {
        theme.value = switchTheme(other);
      }}
    >
      {other === 'dark' ? 'Dark' : 'Light'}
    </button>
  );
}

async function logOut(): Promise<void> {
  await send('POST', '/logout').catch(() => {});
  location.assign('/login');
}
