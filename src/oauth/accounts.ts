import { type Account, type FindAccount, type Grant, type KoaContextWithOIDC } from "oidc-provider";
import type { Clock } from "../core/clock.ts";
import { isGrantId, isPersonId, type PersonId } from "../core/ids.ts";
import { type Grants, grantState } from "../store/grants.ts";
import type { People } from "../store/people.ts";
import type { SettingsStore } from "../store/settings.ts";
import { orUnavailable } from "./store-failure.ts";

export interface AccountsOptions {
  readonly people: Pick<People, "get">;
  readonly grants: Pick<Grants, "get">;
  readonly settings: Pick<SettingsStore, "read">;
  readonly clock: Clock;
}

/** People and what they allowed, as the library asks for them. */
export interface Accounts {
  /** `undefined` where the person is gone or disabled, or the grant of the token has ended. */
  readonly findAccount: FindAccount;
  /** The grant that was just given; never one from before, so that every authorization asks. */
  loadExistingGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined>;
  /** True where the grant is in force and is this person's. */
  holds(grantId: string | undefined, accountId: string | undefined): Promise<boolean>;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { people, grants, settings, clock } = options;

  async function person(sub: string | undefined): Promise<{ readonly id: PersonId; readonly email: string } | null> {
    const found = sub !== undefined && isPersonId(sub) ? await people.get(sub) : null;
    return found === null || found.disabledAt !== null ? null : found;
  }

  async function inForce(grantId: string | undefined, accountId: string | undefined): Promise<boolean> {
    const grant = grantId !== undefined && isGrantId(grantId) ? await grants.get(grantId) : null;
    if (grant === null || grant.person !== accountId) return false;
    return grantState(grant, await settings.read(), clock.now()) === "active";
  }

  return {
    findAccount: (_ctx, sub, token) =>
      orUnavailable(async () => {
        const found = await person(sub);
        if (found === null) return undefined;
        if (token !== undefined && !(await inForce(token.grantId, sub))) return undefined;
        const { id, email } = found;
        return { accountId: id, claims: () => ({ sub: id }), email } satisfies Account;
      }),
    loadExistingGrant: (ctx) =>
      orUnavailable(async () => {
        const grantId = ctx.oidc.result?.consent?.grantId;
        if (grantId === undefined || !(await inForce(grantId, ctx.oidc.account?.accountId))) return undefined;
        return ctx.oidc.provider.Grant.find(grantId);
      }),
    holds: (grantId, accountId) =>
      orUnavailable(async () => (await person(accountId)) !== null && (await inForce(grantId, accountId))),
  };
}
