// Search fields whose values live in the address, so that a search can be linked to.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { go, route } from "../route";
import { useStore } from "../store";
import { Button, Choice, Form, Text } from "./basics";

// With `options` one of these is chosen, in place of a text.
export type Filter = { name: string; label: string; placeholder?: string; type?: "number"; options?: [string, string][] };

// What the address says now.
export function useGiven(filters: Filter[]): Record<string, string> {
  const { query } = useStore(route);
  return Object.fromEntries(filters.map(({ name }) => [name, query.get(name) ?? ""]));
}

export function Filters({ path, filters, keep = {}, label, children }: { path: string; filters: Filter[]; keep?: Record<string, string>; label: string; children?: ComponentChildren }) {
  const given = useGiven(filters);
  const now = JSON.stringify(given);
  const [values, setValues] = useState(given);
  useEffect(() => setValues(given), [now]);
  const trimmed = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.trim()]));
  return (
    <Form inline label={label} onSubmit={() => go(path, { ...keep, ...trimmed })}>
      {filters.map(({ name, label: text, placeholder, type, options }) => {
        const set = (value: string) => setValues({ ...values, [name]: value });
        return options
          ? <Choice key={name} label={text} value={values[name] ?? ""} set={set} options={options} />
          : <Text key={name} label={text} value={values[name] ?? ""} set={set} {...(placeholder ? { placeholder } : {})} {...(type ? { type } : {})} />;
      })}
      <Button type="submit" kind="main">Search</Button>
      {Object.values(given).some(Boolean) && <Button onClick={() => go(path, keep)}>Clear</Button>}
      {children}
    </Form>
  );
}
