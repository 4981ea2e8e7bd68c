/** Begins the page. */

import { render } from 'preact';
import { Page } from './page.tsx';
import { startStore } from './state/store.ts';
import { followTheme } from './state/theme.ts';
import { startTravel } from './state/travel.ts';

followTheme();
startStore();
startTravel();
render(<Page />, document.body);
