/** Every method that a rule may name. CONNECT and TRACE are never served, others are not known. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
