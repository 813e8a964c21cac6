import { readFile, rename, rm, writeFile } from 'node:fs/promises';

import { ManualClock } from '@app/clock';

import { people } from '../apps/veeam-sandbox/src/people.js';
import { makeOrganizations } from '../apps/veeam-sandbox/src/world/organizations.js';
import { Caller } from './support/caller.js';
import { PolicyFolder } from './support/policies.js';
import { changedSettings } from './support/settings.js';
import { until } from './support/until.js';
import { type Gateway, type Neighbours, startGateway, startNeighbours } from './support/world.js';

const SECOND = 1_000;
const OPERATORS = 'contoso-restore-operators';
const STAFF = 'staff';

/** What is added to the default policies; a file without a policy would be a broken one. */
const policySets = {
  good: '@id("nothing-is-copied") forbid (principal, action == Action::"copy", resource);',
  narrower: '@id("hold") forbid (principal, action == Action::"save", resource) unless { principal.groups.isEmpty() };',
  wider: '@id("open-house") permit (principal, action in [Action::"browse", Action::"save"], resource is OneDrive);',
};
/** The groups that make operators. */
const bindingSets = { good: [OPERATORS], narrower: ['nobodys'], wider: [OPERATORS, STAFF] };

type PolicySetName = keyof typeof policySets;
type BindingSetName = keyof typeof bindingSets;

/** What is in force from one replacement to the next. */
interface Generation {
  readonly policies: PolicySetName;
  readonly bindings: BindingSetName;
}

/** Somebody who saves the same OneDrive again and again. */
interface Worker {
  readonly name: string;
  readonly groups: readonly string[];
  readonly caller: Caller;
  readonly sid: string;
  readonly oid: string;
  readonly isOwn: boolean;
}

/** What the sets say, once more and without the gateway. */
function isPermitted({ groups, isOwn }: Worker, { policies, bindings }: Generation): boolean {
  if (policies === 'narrower' && groups.length > 0) return false;
  return policies === 'wider' || isOwn || bindingSets[bindings].some((group) => groups.includes(group));
}

/** One answer, and the generations that were in force while it was made. */
interface Observation {
  readonly worker: Worker;
  readonly status: number;
  readonly inForce: readonly Generation[];
}

const [backup] = makeOrganizations(new Date(), { oneDrives: 0 });
const oneDriveOf = (login: string) => backup?.oneDrives.find(({ owner }) => owner.login === login)?.id ?? '';

describe('policies and role bindings that are replaced under load', () => {
  let neighbours: Neighbours;
  let policies: PolicyFolder;
  let environment: Record<string, string>;
  let clock: ManualClock;
  let gateway: Gateway;
  let yamlOf: Readonly<Record<BindingSetName, string>>;
  let workers: readonly Worker[];
  /** The first is that of the start; each line of the log about a replacement begins the next. */
  let generations: Generation[];
  let observations: Observation[];
  let isDone: boolean;

  beforeAll(async () => {
    neighbours = await startNeighbours();
    policies = new PolicyFolder();
    policies.write('extra', policySets.good);
    const texts = { good: '', narrower: '', wider: '' };
    for (const set of ['good', 'narrower', 'wider'] as const) {
      environment = { ...(await changedSettings(neighbours, () => bound(set))), POLICY_DIR: policies.path };
      texts[set] = await readFile(yaml(), 'utf8');
    }
    yamlOf = texts;
    clock = new ManualClock(Date.now());
    gateway = await startGateway(neighbours, {
      clock,
      environment: { ...environment, LOG_LEVEL: 'info' },
      adjust: (configuration) => ({
        ...configuration,
        // The clock runs ahead of the downloads, and so of their leases.
        limits: { ...configuration.limits, requestsPerWindow: 1e9, sessionIdleMs: 86_400_000, leaseMs: 86_400_000 },
      }),
    });
    generations = [{ policies: 'good', bindings: 'wider' }];
    observations = [];
    isDone = false;
    workers = await Promise.all([
      worker('alice', [], people.alice.login),
      worker('alice', [STAFF], people.alice.login),
      worker('oscar', [OPERATORS], people.bob.login),
      worker('mallory', [STAFF], people.bob.login),
    ]);
  });
  afterAll(async () => {
    neighbours.veeam.control.clearFaults();
    await gateway.close();
    policies.remove();
    await neighbours.close();
  });

  const bound = (set: BindingSetName) => ({
    roleBindings: bindingSets[set].map((group) => ({ role: 'operator', organizations: [backup?.name], group })),
  });

  async function worker(name: string, groups: string[], login: string): Promise<Worker> {
    const caller = new Caller(gateway.url, await neighbours.sso.token(name, { groups }));
    // Everybody may open one, since they are operators in the first generation, or have a OneDrive.
    const sid = await caller.openSession();
    return { name, groups, caller, sid, oid: oneDriveOf(login), isOwn: login.startsWith(name) };
  }

  const yaml = () => environment.GATEWAY_CONFIG ?? '';
  const savePath = (sid: string, oid: string) => `/api/v1/restore-sessions/${sid}/onedrives/${oid}/save`;
  const logged = (text: string) => gateway.log().filter((line) => line.includes(text)).length;

  /** How many replacements the gateway has told of; it reads on where it stopped, since it is asked often. */
  function replaced(): number {
    const lines = gateway.log();
    const told = lines.slice(replacements.read).filter((line) => /the (policy|configuration) was replaced/.test(line));
    replacements.count += told.length;
    replacements.read = lines.length;
    return replacements.count;
  }
  const replacements = { read: 0, count: 0 };

  const moving = {
    get clock() {
      return clock;
    },
    by: SECOND,
  };

  async function save(worker: Worker): Promise<Observation> {
    const from = replaced();
    const { status } = await worker.caller.post(savePath(worker.sid, worker.oid), {});
    return { worker, status, inForce: generations.slice(from, replaced() + 1) };
  }

  async function work(worker: Worker): Promise<void> {
    while (!isDone) observations.push(await save(worker));
  }

  const inForce = (): Generation => {
    const last = generations.at(-1);
    if (!last) throw new Error('there is always one');
    return last;
  };

  /** Replaces one of the two, and waits until the gateway says that it has. */
  async function replace(change: Partial<Generation>): Promise<void> {
    generations.push({ ...inForce(), ...change });
    if (change.policies) policies.write('extra', policySets[change.policies]);
    if (change.bindings) await writeFile(yaml(), yamlOf[change.bindings]);
    await until(() => replaced() === generations.length - 1, moving);
  }

  /** While requests are on their way: they were let in by the one generation and are decided on by the next. */
  async function replaceMeanwhile(change: Partial<Generation>): Promise<void> {
    const hold = neighbours.veeam.control.hold({ method: 'GET', route: 'Users' });
    await hold.reached;
    await replace(change);
    hold.release();
  }

  const policyIsBroken = 'the policy on disk is broken';
  const yamlIsBroken = 'the configuration on disk is broken';

  /** Until the gateway has told of what is broken. */
  async function refused(message: string): Promise<void> {
    const before = logged(message);
    await until(() => logged(message) > before, moving);
  }

  async function breakThePolicies(): Promise<void> {
    const whole = policySets[inForce().policies];
    for (const broken of [`${whole}\npermit (principal, act`, '']) {
      policies.write('extra', broken);
      await refused(policyIsBroken);
      policies.write('extra', whole);
    }
    const away = `${policies.path}.away`;
    await rename(policies.path, away);
    await refused(policyIsBroken);
    await rename(away, policies.path);
    // Good as far as they go, but seen at one look only.
    policies.delete('extra');
    await clock.advance(10 * SECOND);
    policies.write('extra', whole);
    policies.write('half', policySets.wider);
    await clock.advance(10 * SECOND);
    policies.delete('half');
  }

  async function breakTheYaml(): Promise<void> {
    const whole = yamlOf[inForce().bindings];
    // Cut off where it is no longer one that could be meant, as it could be in the middle of a path.
    const cut = whole.slice(0, whole.indexOf('operator') + 2);
    for (const broken of [`${whole}\nroleBindings: [`, cut, '']) {
      await writeFile(yaml(), broken);
      await refused(yamlIsBroken);
      // What is in force replaces nothing.
      await writeFile(yaml(), whole);
      await clock.advance(20 * SECOND);
    }
    await rm(yaml());
    await clock.advance(20 * SECOND);
    await writeFile(yaml(), whole);
    // Good, but seen at one look only; whoever is let in by it is seen.
    await writeFile(yaml(), yamlOf.wider);
    await clock.advance(3 * SECOND);
    const answers = observations.length + 10;
    await until(() => observations.length >= answers);
    await writeFile(yaml(), whole);
    await clock.advance(20 * SECOND);
  }

  async function changeEverything(): Promise<void> {
    for (const set of ['narrower', 'wider', 'good'] as const) {
      await replace({ policies: set });
      await replaceMeanwhile({ bindings: 'narrower' });
      await breakThePolicies();
      await replace({ bindings: 'good' });
      await breakTheYaml();
      await replaceMeanwhile({ policies: set === 'narrower' ? 'good' : 'narrower' });
      await replaceMeanwhile({ bindings: 'wider' });
      await replace({ policies: set });
    }
    await replace({ bindings: 'good' });
  }

  it('decide every request, each as it was when it was made', async () => {
    neighbours.veeam.control.clearReceived();
    const working = workers.map(work);
    try {
      await changeEverything();
    } finally {
      isDone = true;
    }
    await Promise.all(working);
    const wrong = observations.filter(({ worker, status, inForce }) => {
      const permits = inForce.map((generation) => isPermitted(worker, generation));
      return status === 200 ? !permits.includes(true) : ![403, 404].includes(status) || !permits.includes(false);
    });
    expect(wrong).toEqual([]);

    const across = observations.filter(({ inForce }) => inForce.length > 1).length;
    const permitted = observations.filter(({ status }) => status === 200).length;
    expect(neighbours.veeam.control.actions()).toHaveLength(permitted);
    process.stdout.write(
      `reload under load: ${observations.length} requests, ${permitted} permitted, ${across} across replacements, ${generations.length - 1} replacements\n`,
    );
    expect(across).toBeGreaterThan(0);
    for (const { name, groups } of workers.filter((one) => one.groups.length > 0)) {
      const statuses = observations.filter(({ worker }) => worker.name === name && worker.groups === groups);
      expect(new Set(statuses.map(({ status }) => status === 200))).toEqual(new Set([true, false]));
    }
  }, 120_000);

  it('decide as the last good ones say once all is still', async () => {
    await clock.advance(60 * SECOND);
    expect(replaced()).toBe(generations.length - 1);
    for (const worker of workers) {
      const { status, inForce } = await save(worker);
      expect(inForce).toEqual([{ policies: 'good', bindings: 'good' }]);
      expect(status === 200).toBe(isPermitted(worker, { policies: 'good', bindings: 'good' }));
    }
  });
});
