import { UpstreamBrokenError } from '@app/problems';
import type { OneDrive, OrganizationUser } from './model.js';
import { presentable } from './presentable.js';
import type { Upstream } from './upstream.js';
import { lower } from './wire/fields.js';
import { collectPages } from './wire/page.js';

/** 200 pages: reading more users than that takes too long to be worth waiting for. */
const MOST_USERS = 50_000;

/** The people of organizations and their OneDrives, in production and not in the backup. Rejects as every method of `VeeamClient` does. */
export class OrganizationUsers {
  constructor(private readonly upstream: Upstream) {}

  /** Everybody, page by page: slow. Those without an id are told too: whose object id is theirs as well is in doubt. @throws UpstreamBrokenError when they are more than 50,000 */
  list(organizationId: string, signal?: AbortSignal): Promise<OrganizationUser[]> {
    return presentable(() =>
      collectPages(
        (page) => this.upstream.call((dialect) => dialect.listUsers(organizationId, page), { signal }),
        MOST_USERS,
      ),
    );
  }

  /**
   * Those whose login is this e-mail address, ASCII case apart; upstream's own filter may match more loosely.
   * @throws UpstreamBrokenError when one of them has no id: it would be left out in silence, and another be taken for the only one
   */
  find(organizationId: string, email: string, signal?: AbortSignal): Promise<OrganizationUser[]> {
    return presentable(async () => {
      if (email === '') return [];
      const users = await collectPages((page) =>
        this.upstream.call((dialect) => dialect.findUsers(organizationId, email, page), { signal }),
      );
      const found = users.filter(({ name }) => lower(name) === lower(email));
      if (!found.every(isIdentified))
        throw new UpstreamBrokenError('The backup server sent a user without a usable id.');
      return found;
    });
  }

  /** Those who are called exactly that; none for a name with one of upstream's wildcards in it, which it cannot be asked for literally. */
  findByDisplayName(organizationId: string, name: string, signal?: AbortSignal): Promise<OrganizationUser[]> {
    return presentable(async () => {
      if (name === '' || /[*?]/.test(name)) return [];
      const users = await collectPages((page) =>
        this.upstream.call((dialect) => dialect.findUsersByDisplayName(organizationId, name, page), { signal }),
      );
      return users.filter((user) => user.displayName === name && isIdentified(user));
    });
  }

  /** The OneDrives of the user with that login; none when nobody has it, or several have. */
  async oneDrivesOf(organizationId: string, email: string): Promise<OneDrive[]> {
    const [user, ...namesakes] = await this.find(organizationId, email);
    return user === undefined || namesakes.length > 0 ? [] : this.listOneDrives(organizationId, user.id);
  }

  /** None for somebody who has left, two for a hybrid user. */
  listOneDrives(organizationId: string, userId: string, signal?: AbortSignal): Promise<OneDrive[]> {
    return presentable(() =>
      collectPages((page) =>
        this.upstream.call((dialect) => dialect.listUserOneDrives(organizationId, userId, page), { signal }),
      ),
    );
  }
}

function isIdentified({ id }: OrganizationUser): boolean {
  return id !== '';
}
