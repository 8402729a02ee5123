import { expect, test } from "vitest";
import { createUsedForms } from "../../src/admin/routes/used-forms.ts";
import { onBothStores } from "../store/both-stores.ts";

onBothStores("a form that makes something", (stores) => {
  test("is used once, whichever of two instances it reaches", async () => {
    const { clock, other, store } = stores();
    const here = createUsedForms({ documents: store.documents, clock });
    const there = createUsedForms({ documents: other.documents, clock });
    const uses = await Promise.all([here.use("a"), there.use("a"), here.use("a"), there.use("a")]);
    expect(uses.filter(Boolean)).toHaveLength(1);
    expect(await there.use("b")).toBe(true);
  });

  test("is good again on every instance where nothing was made", async () => {
    const { clock, other, store } = stores();
    const here = createUsedForms({ documents: store.documents, clock });
    expect(await here.use("a")).toBe(true);
    await here.giveBack("a");
    expect(await createUsedForms({ documents: other.documents, clock }).use("a")).toBe(true);
  });
});
