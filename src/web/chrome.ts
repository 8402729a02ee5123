/** What stands around every page. */
export interface Chrome {
  /** Path of the stylesheet, with its content hash. */
  readonly stylesheet: string;
  /** Who is signed in. */
  readonly person: { readonly name: string; readonly email: string } | null;
  /** The sign-out form: posts `csrf` to `action`. */
  readonly signOut: { readonly action: string; readonly csrf: string } | null;
}
