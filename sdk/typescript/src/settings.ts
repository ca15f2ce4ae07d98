// Settings: the part of JSON Schema that settings need. The host has checked them already; this is for those who are not a host.
import { permanent } from "./index.js";

export interface Setting {
  type: "string" | "integer" | "number" | "boolean" | "array" | "object";
  description?: string;
  default?: unknown;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  items?: object;
  additionalProperties?: object | boolean;
  "x-scrapekit-host"?: boolean; // a URL whose host the plugin may reach
  "x-scrapekit-path"?: "read" | "write" | boolean; // a path; it comes absolute
  "x-scrapekit-dial"?: boolean; // host:port, to which the plugin may connect
  "x-scrapekit-sensitive"?: boolean; // never printed
}

export interface SettingsSchema {
  type: "object";
  properties: Record<string, Setting>;
  required?: string[];
  additionalProperties: false;
}

// exactly bounds the whole numbers of a schema, at any depth, to those that JavaScript holds exactly: the host refuses others, with
// their line in the pipeline file. A setting that needs more, an id of 64 bits say, is a string.
export function exactly<S extends object>(schema: S): S {
  const s: Record<string, any> = { ...schema };
  if (s["type"] === "integer" || (Array.isArray(s["type"]) && s["type"].includes("integer"))) {
    s["minimum"] = Math.max(Number.MIN_SAFE_INTEGER, (s["minimum"] as number | undefined) ?? -Infinity);
    s["maximum"] = Math.min(Number.MAX_SAFE_INTEGER, (s["maximum"] as number | undefined) ?? Infinity);
  }
  for (const name of ["items", "additionalProperties"]) {
    if (typeof s[name] === "object" && s[name] !== null) s[name] = exactly(s[name] as object);
  }
  for (const name of ["properties", "patternProperties"]) {
    if (s[name]) s[name] = Object.fromEntries(Object.entries(s[name] as object).map(([key, inner]) => [key, exactly(inner as object)]));
  }
  for (const name of ["anyOf", "oneOf", "allOf", "prefixItems"]) {
    if (Array.isArray(s[name])) s[name] = s[name].map((inner: object) => exactly(inner));
  }
  return s as S;
}

const types: Record<Setting["type"], (v: unknown) => boolean> = {
  string: (v) => typeof v === "string",
  integer: (v) => Number.isSafeInteger(v),
  number: Number.isFinite,
  boolean: (v) => typeof v === "boolean",
  array: Array.isArray,
  object: (v) => typeof v === "object" && v !== null && !Array.isArray(v),
};

// checkSettings returns the settings with their defaults, or throws a permanent error that names what is wrong.
export function checkSettings(schema: SettingsSchema, raw: Buffer): object {
  const given = (raw.length > 0 ? JSON.parse(raw.toString()) : {}) as Record<string, unknown>;
  const settings: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    if (!schema.properties[name]) throw permanent(`settings: there is no setting ${JSON.stringify(name)}`);
  }
  for (const [name, s] of Object.entries(schema.properties)) {
    const value = given[name] ?? s.default;
    if (value === undefined) {
      if (schema.required?.includes(name)) throw permanent(`settings: ${name} is missing`);
      continue;
    }
    const wrong =
      !types[s.type](value) ||
      (s.enum && !s.enum.includes(value as string)) ||
      (s.minimum !== undefined && (value as number) < s.minimum) ||
      (s.maximum !== undefined && (value as number) > s.maximum);
    if (wrong) throw permanent(`settings: ${name} cannot be ${JSON.stringify(value)}`);
    settings[name] = value;
  }
  return settings;
}
