/** Lists the schemas that have a name in the document. */

import type { TSchema } from '@sinclair/typebox';
import { GenerationsAnswer } from '../request/generations-schema.ts';
import { JoinedNode } from '../request/join-schema.ts';
import { DryRemovedLogin, DrySetLogin, LoginList, RemovedLogin, SetLogin } from '../request/registry-schema.ts';
import { AcceptedNodes, AcceptedServices, ServiceDetail, specComponents } from '../request/service-schema.ts';
import { SupposedSpecs } from '../request/supposed-specs.ts';
import { DryIssuedToken, DryRevokedTokens, IssuedToken, RevokedTokens, TokenList } from '../request/token-schema.ts';
import { DensityBody } from '../routes/density.ts';
import { DryRun } from '../routes/dry-run.ts';
import { SessionBody } from '../routes/session.ts';
import { ViewBody } from '../routes/view.ts';
import { Diff, Event, EventPage, WhatIf, WhyContainer, WhyService } from '../schema/history.ts';
import { Alarm, ContainerRow, NodeRow, OneContainer, OneNode, Rollout, Run, ServiceRow } from '../schema/rows.ts';
import { ContainerState, NodeState, ServiceState, State } from '../schema/state.ts';
import { ContainerStatsAnswer, LogLineAnswer } from '../schema/streams.ts';
import { Problem } from './refusals.ts';

export const components: readonly TSchema[] = [
  ...specComponents,
  ...[
    AcceptedServices,
    AcceptedNodes,
    ServiceDetail,
    GenerationsAnswer,
    IssuedToken,
    RevokedTokens,
    TokenList,
    SetLogin,
    RemovedLogin,
    LoginList,
    JoinedNode,
  ],
  ...[LogLineAnswer, ContainerStatsAnswer],
  ...[Rollout, Run, ServiceRow, NodeRow, ContainerRow, OneNode, OneContainer, Alarm],
  ...[ServiceState, NodeState, ContainerState, State],
  ...[Event, EventPage, WhyContainer, WhyService, Diff, WhatIf, SupposedSpecs],
  ...[ViewBody, SessionBody, DensityBody],
  ...[DryRun, DryIssuedToken, DryRevokedTokens, DrySetLogin, DryRemovedLogin],
  Problem,
];
