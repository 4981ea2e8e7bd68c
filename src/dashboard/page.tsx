/** The page: its parts, and where each of them is. */

import { Alarms } from './parts/alarms.tsx';
import { ClusterMap } from './parts/cluster-map.tsx';
import { DetailsPanel } from './parts/details.tsx';
import { DifferencePanel } from './parts/difference-panel.tsx';
import { EventList } from './parts/event-list.tsx';
import { FirstSteps } from './parts/first-steps.tsx';
import { Header } from './parts/header.tsx';
import { PlanDialog } from './parts/plan-dialog.tsx';
import { ServiceTable } from './parts/service-table.tsx';
import { TimeBar } from './parts/time-bar.tsx';
import { isLoaded, isOutdated, shown } from './state/store.ts';

export function Page() {
  if (isOutdated.value) {
    return (
      <main class="co-first">
        <p>The manager is of another version than this page.</p>
        <button type="button" class="btn btn-primary" onClick={() => location.reload()}>
          Load the page again
        </button>
      </main>
    );
  }
  return (
    <>
      <Header />
      {isLoaded.value && <TimeBar />}
      <main class="co-main" aria-busy={!isLoaded.value}>
        {isLoaded.value && <Cluster />}
      </main>
      <PlanDialog />
    </>
  );
}

/** The map of more is taller than a screen: then the services are beside it. */
const nodesAbove = 24;

function Cluster() {
  const isTall = shown.value.view.nodes.size > nodesAbove;
  return (
    <>
      <div class="co-left">
        <FirstSteps />
        <Alarms />
        <ClusterMap />
        {!isTall && <ServiceTable />}
      </div>
      <div class="co-right">
        <DifferencePanel />
        <DetailsPanel />
        {isTall && <ServiceTable />}
        <EventList />
      </div>
    </>
  );
}
