import type { Actor, Principal } from '@app/identity';
import {
  type CedarValueJson,
  type Context,
  type EntityJson,
  schemaToJson,
  type TypeAndId,
} from '@cedar-policy/cedar-wasm/nodejs';

import { mayOwnOneDrives } from './ownership.js';
import type {
  CallerIdentity,
  OneDriveResource,
  PolicyAction,
  PolicyQuestion,
  PolicyResource,
} from './policy-question.js';

/** A question in the words of Cedar. */
export interface CedarRequest {
  readonly principal: TypeAndId;
  readonly action: TypeAndId;
  readonly resource: TypeAndId;
  readonly context: Context;
  readonly entities: EntityJson[];
}

/** The question contradicts itself or cannot be put to Cedar: no answer to it could be trusted. */
export class UnsoundQuestionError extends Error {
  override readonly name = 'UnsoundQuestionError';
}

/** @throws UnsoundQuestionError */
export function toCedarRequest({ principal, ownOneDrives, ...asking }: PolicyQuestion): CedarRequest {
  const { action, resource, context } = asking;
  const organization = organizationOf(resource);
  const owned: OneDriveResource[] =
    organization === undefined || !mayOwnOneDrives(principal)
      ? []
      : ownOneDrives.map((id) => ({ type: 'OneDrive', id, organization }));
  const targets = action === 'copy' ? [asking.context.target] : [];
  return {
    principal: callerUid(principal),
    action: uid('Action', action),
    resource: resourceUid(resource),
    context: toContext(context),
    entities: distinct([callerEntity(principal, owned), ...[resource, ...owned, ...targets].map(resourceEntity)]),
  };
}

/**
 * The question of the first stage, which knows the caller and the action only. Who could own a OneDrive is taken to own
 * one; the thing and the circumstances are left empty, for the policies of that stage do not look at them.
 * @throws UnsoundQuestionError
 */
export function toGuardRequest(
  principal: Principal,
  action: PolicyAction,
  actions: readonly EntityJson[],
): CedarRequest {
  const [organization] = principal.organizations;
  const owned: OneDriveResource[] =
    organization === undefined || !mayOwnOneDrives(principal) ? [] : [{ type: 'OneDrive', id: 'own', organization }];
  return {
    principal: callerUid(principal),
    action: uid('Action', action),
    resource: resourceUid({ type: 'Gateway' }),
    context: {},
    entities: [callerEntity(principal, owned), ...actions],
  };
}

/** Which groups each action of the schema is in: needed where a question is asked without the schema. */
export function actionEntities(schemaText: string): EntityJson[] {
  const schema = schemaToJson(schemaText);
  const actions =
    schema.type === 'success' ? Object.values(schema.json).flatMap((part) => Object.entries(part.actions)) : [];
  return actions.map(([id, { memberOf }]) => ({
    uid: uid('Action', id),
    attrs: {},
    parents: (memberOf ?? []).map((group) => uid('Action', group.id)),
  }));
}

function callerEntity(principal: Principal, owned: readonly OneDriveResource[]): EntityJson {
  const { actor, email } = principal;
  return {
    uid: callerUid(principal),
    parents: [],
    attrs: {
      isService: principal.kind === 'service',
      issuer: text(principal.issuer),
      subject: text(principal.subject),
      ...whenGiven({ clientId: principal.clientId, objectId: principal.objectId, userName: principal.userName }),
      ...(actor === undefined ? {} : { actor: actorRecord(actor) }),
      ...(email === undefined ? {} : { email: { address: text(email.address), isVerified: email.isVerified } }),
      groups: principal.groups.map(text),
      roles: principal.roles.map(text),
      scopes: principal.scopes.map(text),
      organizations: organizations(principal.organizations),
      operatorOf: organizations(principal.operatorOf),
      auditorOf: organizations(principal.auditorOf),
      owns: owned.map((oneDrive) => entity(resourceUid(oneDrive))),
      ownOrganizations: organizations(new Set(owned.map((oneDrive) => oneDrive.organization))),
    },
  };
}

function actorRecord({ issuer, subject, clientId }: Actor): CedarValueJson {
  return { issuer: text(issuer), subject: text(subject), ...whenGiven({ clientId }) };
}

/** A subject is unique within its issuer only, so the id is both, in a form that no other pair can take. */
function callerUid({ issuer, subject }: CallerIdentity): TypeAndId {
  return uid('Caller', JSON.stringify([issuer, subject]));
}

function resourceUid(resource: PolicyResource): TypeAndId {
  switch (resource.type) {
    case 'Gateway':
      return uid('Gateway', 'gateway');
    case 'Organization':
      return organizationUid(resource.name);
    case 'OneDrive':
    case 'RestoreSession':
    case 'Operation':
      return uid(resource.type, resource.id);
  }
}

function resourceEntity(resource: PolicyResource): EntityJson {
  const organization = organizationOf(resource);
  const isPart = organization !== undefined && resource.type !== 'Organization';
  return {
    uid: resourceUid(resource),
    parents: isPart ? [organizationUid(organization)] : [],
    attrs: {
      ...(resource.type === 'OneDrive' ? { organization: entity(organizationUid(resource.organization)) } : {}),
      ...('owner' in resource ? { owner: entity(callerUid(resource.owner)) } : {}),
    },
  };
}

function organizationOf(resource: PolicyResource): string | undefined {
  switch (resource.type) {
    case 'Gateway':
      return undefined;
    case 'Organization':
      return resource.name;
    case 'OneDrive':
    case 'RestoreSession':
    case 'Operation':
      return resource.organization;
  }
}

function toContext(context: PolicyQuestion['context']): Context {
  const { time } = context;
  return {
    time: { __extn: { fn: 'datetime', arg: time.toISOString() } },
    ...('reasonAccepted' in context
      ? {
          ...whenGiven({ reason: context.reason, onBehalfOf: context.onBehalfOf }),
          reasonAccepted: context.reasonAccepted,
        }
      : {}),
    ...('itemKind' in context ? { itemKind: entity(uid('ItemKind', context.itemKind)) } : {}),
    ...('credentialProfile' in context ? whenGiven({ credentialProfile: context.credentialProfile }) : {}),
    ...('documentAction' in context ? { documentAction: entity(uid('DocumentAction', context.documentAction)) } : {}),
    ...('target' in context
      ? { target: entity(resourceUid(context.target)), restorePermissions: context.restorePermissions }
      : {}),
    ...('senderAllowed' in context
      ? { senderAllowed: context.senderAllowed, recipientAllowed: context.recipientAllowed }
      : {}),
  };
}

/** One entity an id. Two that differ would have Cedar mix them: a OneDrive that is in two organizations at once. */
function distinct(entities: readonly EntityJson[]): EntityJson[] {
  const byUid = new Map<string, EntityJson>();
  for (const candidate of entities) {
    const key = JSON.stringify(candidate.uid);
    const known = byUid.get(key);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(candidate)) {
      throw new UnsoundQuestionError('The question describes one thing in two ways.');
    }
    byUid.set(key, candidate);
  }
  return [...byUid.values()];
}

function organizations(names: Iterable<string>): CedarValueJson[] {
  return [...names].map((name) => entity(organizationUid(name)));
}

function organizationUid(name: string): TypeAndId {
  return uid('Organization', name.toLowerCase());
}

function entity(id: TypeAndId): CedarValueJson {
  return { __entity: id };
}

function uid(type: string, id: string): TypeAndId {
  return { type, id: text(id) };
}

function whenGiven(values: Record<string, string | undefined>): Record<string, string> {
  const given = Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, text(value)]));
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Half a character becomes U+FFFD on its way into Cedar, and two different ids would be the same there. */
function text(value: string): string {
  if (LONE_SURROGATE.test(value)) {
    throw new UnsoundQuestionError('The question holds a text that is not well-formed Unicode.');
  }
  return value;
}
