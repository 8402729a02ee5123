import type { ClientOrigin } from "../../store/clients.ts";

/** What a person is asked to allow. Times are wall clock ms. */
export interface ConsentView {
  /** Path that the form is posted to. */
  readonly action: string;
  readonly csrf: string;
  readonly client: {
    readonly name: string;
    readonly id: string;
    readonly origin: ClientOrigin;
    /** As `ClientRecord.createdBy`. */
    readonly createdBy: string;
    readonly createdAt: number;
  };
  /** Host, with its port, that the browser is sent to; `null` in the device flow. */
  readonly redirectHost: string | null;
  /** The audience (RFC 8707). */
  readonly resource: string;
  readonly scopes: readonly { readonly scope: string; readonly text: string; readonly checked: boolean }[];
  readonly portals: {
    readonly choices: readonly { readonly id: string; readonly name: string }[];
    /** All portals may be chosen. */
    readonly all: boolean;
    /** The id that is chosen already; `""` is all; `null` where nothing was chosen yet. */
    readonly chosen: string | null;
  };
  readonly problem: string | null;
  readonly now: number;
}

/** The same in the device flow. */
export interface DeviceView extends ConsentView {
  /** As it is shown on the device: `XXXX-XXXX`. */
  readonly userCode: string;
  readonly requestedFrom: { readonly address: string; readonly at: number };
}
