// Settings: the part of JSON Schema that settings need. The host has checked them already; this is for those who are not a host.
import { permanent } from "./scrapekit.js";

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
  "x-scrapekit-path"?: boolean; // a path; it comes absolute
  "x-scrapekit-sensitive"?: boolean; // never printed
}

export interface SettingsSchema {
  type: "object";
  properties: Record<string, Setting>;
  required?: string[];
  additionalProperties: false;
}

// exactly bounds the whole numbers of a schema to those that JavaScript holds exactly: the host refuses others, with their line in
// the pipeline file. A setting that needs more, an id of 64 bits say, is a string.
export function exactly(schema: SettingsSchema): SettingsSchema {
  const properties = Object.entries(schema.properties).map(([name, s]): [string, Setting] => [
    name,
    s.type === "integer" ? { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, ...s } : s,
  ]);
  return { ...schema, properties: Object.fromEntries(properties) };
}

const types: Record<Setting["type"], (v: unknown) => boolean> = {
  string: (v) => typeof v === "string",
  integer: (v) => Number.isSafeInteger(v),
  number: (v) => typeof v === "number",
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
