export { requestFieldClass } from "../core/request-fields.ts";
