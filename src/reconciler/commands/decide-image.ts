/** Decides what the image of a spec means: the first node that says so decides it for all. Pure. */

import type { ReportOf } from '../../bus/messages.ts';
import type { Expectation } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import { registryHostOf } from '../../model/image.ts';
import type { ClusterView, ContainerView } from '../../projections/view/cluster-view.ts';

/** @returns 'stale' when it is decided already, or nothing asks any more */
export function decideImage(
  view: ClusterView,
  { digest, reason, reportId }: ReportOf<'image'>,
  { id: container, service, specHash, node, latest }: ContainerView,
): { event: NewEvent; expect: Expectation[] } | 'stale' {
  const image = view.services.get(service)?.images.get(specHash);
  if (!image || image.isResolved) return 'stale';
  const stream = streams.image(service, image.requestedPosition);
  const { generation, image: name } = image;
  return {
    event: {
      stream,
      type: 'ImageResolved',
      data: { service, generation, specHash, image: name, digest, reason, container, node },
      meta: {
        actor: `node:${node}`,
        requestId: reportId,
        causationId: latest.eventId,
        correlationId: latest.correlationId,
      },
    },
    expect: [{ stream, version: 0 }],
  };
}

/** What all containers of the spec run; null: it has no digest, or is not known any more. */
export function resolvedDigest(view: ClusterView, container: string): string | null {
  const { service = '', specHash = '' } = view.containers.get(container) ?? {};
  return view.services.get(service)?.images.get(specHash)?.digest ?? null;
}

/** Of a failed pull. The agent cannot know that there is a login which it could not be given. */
export function explainPull(view: ClusterView, { node, spec }: ContainerView, message: string): string {
  const host = registryHostOf(spec.image);
  if (!view.registryLogins.has(host) || (view.nodes.get(node)?.publicKey ?? null) !== null) return message;
  const why = `its agent is of an earlier version and cannot be given the login at ${host}: `;
  return `${why}${message}`.slice(0, messageMax).toWellFormed();
}

/** The catalogue's bound on the message of a failure, in UTF-16 code units. */
const messageMax = 2_048;
