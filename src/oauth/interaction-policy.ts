import { interactionPolicy } from "oidc-provider";

const { Check, base } = interactionPolicy;

/**
 * Every authorization request asks the person, whatever was allowed before. What they decide is one result that signs
 * in and consents; what they left out is not asked for again.
 */
export function askEachTime(): interactionPolicy.DefaultPolicy {
  const policy = base();
  const consent = policy.get("consent");
  if (consent === undefined) throw new Error("the library has no consent prompt");
  const others = consent.checks.filter(({ reason }) => reason !== "consent_prompt");
  for (const { reason } of others) consent.checks.remove(reason);
  consent.checks.add(
    new Check("not_decided", "the person has to decide", "consent_required", (ctx) =>
      ctx.oidc.result?.consent === undefined ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
    ),
  );
  return policy;
}
