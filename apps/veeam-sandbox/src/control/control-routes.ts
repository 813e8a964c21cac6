import type { FaultMatch, FaultRule, Hold, HoldStage } from './faults.js';
import type { SandboxControl } from './sandbox-control.js';

type Body = Record<string, unknown>;
type ControlRoute = (control: SandboxControl, body: Body, rest: readonly string[]) => unknown;

/** `METHOD /name`; what follows the name in the path comes as `rest`. The bodies are those of the in-process calls. */
export const controlRoutes: ReadonlyMap<string, ControlRoute> = new Map<string, ControlRoute>(
  Object.entries<ControlRoute>({
    'GET /received': (control) => control.received(),
    'DELETE /received'(control) {
      control.clearReceived();
    },
    'GET /actions': (control, _body, [what]) => (what === 'counts' ? control.actionCounts() : control.actions()),
    'GET /saves': (control) => control.saves(),
    'GET /connections': (control) => ({ open: control.openConnections() }),

    'GET /faults': (control) => control.faults(),
    'POST /faults': (control, body) => ({ id: control.addFault(faultRuleOf(body)) }),
    'DELETE /faults'(control, _body, [id]) {
      if (id === undefined) control.clearFaults();
      else control.removeFault(Number(id));
    },
    'GET /holds': getHolds,
    'POST /holds': postHolds,
    'DELETE /holds'(control, _body, [id]) {
      holdOf(control, id).release();
    },

    'POST /expire-access-tokens'(control) {
      control.expireAccessTokens();
    },
    'POST /revoke-refresh-tokens'(control) {
      control.revokeRefreshTokens();
    },
    'PUT /access-token-seconds'(control, body) {
      control.setAccessTokenSeconds(numberOf(body, 'seconds'));
    },
    'PUT /refuse-login'(control, body) {
      control.refuseLogin(body.refused !== false);
    },
    'POST /passwords'(control, body) {
      control.acceptPassword(textOf(body, 'password'), optionalText(body, 'userName'));
    },
    'DELETE /passwords'(control, body) {
      control.refusePassword(textOf(body, 'password'), optionalText(body, 'userName'));
    },
    'POST /restore-passwords'(control, body) {
      control.acceptRestorePassword(textOf(body, 'password'), optionalText(body, 'userName'));
    },
    'DELETE /restore-passwords'(control, body) {
      control.refuseRestorePassword(textOf(body, 'password'), optionalText(body, 'userName'));
    },
    'POST /certificates'(control, body) {
      control.acceptCertificate(textOf(body, 'applicationId'), textOf(body, 'certificate'));
    },

    'GET /sessions': (control) => control.sessions(),
    'DELETE /sessions': (control, _body, [id = '']) => ({ found: control.stopSession(id) }),
    'POST /forget-session': (control, body) => ({ found: control.forgetSession(textOf(body, 'id')) }),
    'POST /resist-stop': (control, body) => ({
      found: control.resistStop(textOf(body, 'id'), body.looks === undefined ? undefined : numberOf(body, 'looks')),
    }),
    'POST /fill-log': (control, body) => ({
      found: control.fillLog(textOf(body, 'id'), numberOf(body, 'lines')),
    }),
    async 'GET /settled'(control) {
      await control.settled();
    },
    'PUT /session-idle-seconds'(control, body) {
      control.setSessionIdleSeconds(numberOf(body, 'seconds'));
    },
    'PUT /email': putEmail,
    'PUT /device-codes'(control, body) {
      control.setDeviceCodes(body);
    },
    'POST /device-codes': (control, body) => ({ found: control.confirmDeviceCode(textOf(body, 'userCode')) }),
    'DELETE /device-codes'(control) {
      control.expireDeviceCodes();
    },
    'PUT /save-mode'(control, body) {
      control.setSaveMode(body);
    },
    'PUT /lenient-json'(control, body) {
      control.setLenientJson(body.lenient !== false);
    },
    'PUT /operator-authentication-only'(control, body) {
      control.setOperatorAuthenticationOnly(body.on !== false);
    },
    'PUT /big-onedrive'(control, body) {
      control.setBigOneDrive(body);
    },
    'PUT /synthetic-onedrives'(control, body) {
      control.setSyntheticOneDrives(numberOf(body, 'count'));
    },
    'PUT /backup-times'(control, body) {
      control.setBackupTimes({
        ...(body.first !== undefined && { firstBackupAt: timeOf(body, 'first') }),
        ...(body.last !== undefined && { lastBackupAt: timeOf(body, 'last') }),
      });
    },
    'DELETE /backup-times'(control) {
      control.resetBackupTimes();
    },
    'POST /reset'(control) {
      control.reset();
    },
  }),
);

/** `POST /holds/{id}/step` lets `count` of those held go on, 1 when absent. */
function postHolds(control: SandboxControl, body: Body, [id, step]: readonly string[]): unknown {
  if (id === undefined) return { id: control.hold(matchOf(body.match), stageOf(body.stage)).id };
  if (step !== 'step') throw new Error('POST /holds/{id}/step');
  holdOf(control, id).step(body.count === undefined ? 1 : numberOf(body, 'count'));
  return {};
}

/** `GET /holds/{id}/reached` answers once a request waits there. */
async function getHolds(control: SandboxControl, _body: Body, [id, reached]: readonly string[]): Promise<unknown> {
  if (id === undefined) {
    return control.holds().map(({ id: number, waiting, match, stage }) => ({ id: number, waiting, match, stage }));
  }
  const hold = holdOf(control, id);
  if (reached === 'reached') await hold.reached;
  return { id: hold.id, waiting: hold.waiting };
}

function putEmail(control: SandboxControl, body: Body, [explorer]: readonly string[]): void {
  if (explorer !== 'vesp' && explorer !== 'veod') throw new Error('PUT /email/vesp or /email/veod');
  control.setEmail(explorer, body);
}

function holdOf(control: SandboxControl, id: string | undefined): Hold {
  const found = control.holds().find((hold) => hold.id === Number(id));
  if (!found) throw new Error(`There is no hold ${id ?? ''}.`);
  return found;
}

const faultKinds = ['answer', 'never-answer', 'close', 'delay', 'cut', 'wrong-length', 'gzip', 'outcome'];

/** Its inner members are the caller's own affair: this is a tool for tests. */
function faultRuleOf(body: Body): FaultRule {
  const { fault, times, match } = body;
  const kind = typeof fault === 'object' && fault !== null && 'kind' in fault ? fault.kind : undefined;
  if (typeof kind !== 'string' || !faultKinds.includes(kind)) {
    throw new Error(`fault.kind is one of ${faultKinds.join(', ')}.`);
  }
  return {
    fault: fault as FaultRule['fault'],
    match: matchOf(match),
    ...(typeof times === 'number' ? { times } : {}),
  };
}

function matchOf(value: unknown): FaultMatch {
  return typeof value === 'object' && value !== null ? value : {};
}

function stageOf(value: unknown): HoldStage {
  return value === 'running' || value === 'item' || value === 'done' ? value : 'received';
}

function textOf(body: Body, name: string): string {
  const value = body[name];
  if (typeof value !== 'string') throw new Error(`A text is expected: ${name}`);
  return value;
}

/** Undefined for null. */
function timeOf(body: Body, name: string): Date | undefined {
  if (body[name] === null) return undefined;
  const time = new Date(textOf(body, name));
  if (Number.isNaN(time.getTime())) throw new Error(`A time is expected: ${name}`);
  return time;
}

function optionalText(body: Body, name: string): string | undefined {
  return body[name] === undefined ? undefined : textOf(body, name);
}

function numberOf(body: Body, name: string): number {
  const value = body[name];
  if (typeof value !== 'number') throw new Error(`A number is expected: ${name}`);
  return value;
}
