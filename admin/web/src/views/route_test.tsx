// "What would happen to this request now?" Nothing is sent, nothing changes.
import { useState } from "preact/hooks";
import { api, Problem } from "../api";
import { Button, Choice, Facts, Form, Note, Panel, State, Text, View } from "../parts/basics";
import { Steps } from "../parts/explanation";
import { Table } from "../parts/table";
import { href } from "../route";
import type { RouteTest } from "../types";

const plain = (value: unknown): string => (value && typeof value === "object" ? Object.entries(value).map(([name, inner]) => `${name} ${plain(inner)}`).join(", ") : String(value ?? "–"));

function Result({ of }: { of: RouteTest }) {
  const tone = of.outcome === "relayed" ? "good" : of.outcome === "answered" ? "idle" : "bad";
  return (
    <Panel title="What would happen" aside={<State tone={tone}>{of.outcome}</State>}>
      <p class="verdict">{of.status ? `${of.status}: ` : ""}{of.reason}</p>
      <Facts of={[["Origin", plain(of.origin)], ["Domain", of.domain ? <a href={href("domains")}>{of.domain}</a> : "–"]]} />
      {of.candidates && of.candidates.length > 0 && (
        <Table rows={of.candidates} id={(row) => `${row.target} ${row.destination}`} label="Candidates" empty="" columns={[
          { name: "Order", kind: "number", show: (row) => row.order ?? "–" },
          { name: "Target", kind: "number", show: (row) => (row.target === null ? "–" : <a href={href("target", { id: row.target })}>{row.target}</a>) },
          { name: "Destination", show: (row) => <code>{row.destination}</code> },
          { name: "Chosen", show: (row) => <State tone={row.chosen ? "good" : "idle"}>{row.chosen ? "would be tried" : "rejected"}</State> },
          { name: "Why not", show: (row) => row.rejected ?? "" },
        ]} />
      )}
      {of.steps && of.steps.length > 0 && <><h3>Decisions</h3><Steps steps={of.steps} /></>}
    </Panel>
  );
}

export function RouteTestView() {
  const [fields, setFields] = useState({ method: "INVITE", request_uri: "", from: "", to: "", source: "", transport: "udp" });
  const [result, setResult] = useState<RouteTest>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const set = (name: keyof typeof fields) => (value: string) => setFields({ ...fields, [name]: value });
  const fault = (name: string) => (problem?.field === name ? problem.message : undefined);
  const run = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const given = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
      setResult(await api<RouteTest>("POST", "/v1/route-test", given));
    } catch (error) {
      setResult(undefined);
      setProblem(error as Problem);
    }
    setBusy(false);
  };
  return (
    <View title="Route test" lead="What would happen to this request now, against the live state. Nothing is sent and nothing changes.">
      <div class="beside even">
        <Panel title="The request">
          <Form onSubmit={() => void run()} label="The request">
            <div class="pair">
              <Choice label="Method" value={fields.method} set={set("method")} options={["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY"].map((name) => [name, name])} />
              <Choice label="Transport" value={fields.transport} set={set("transport")} options={["udp", "tcp", "tls", "ws", "wss"].map((name) => [name, name])} />
            </div>
            <Text label="Request-URI" value={fields.request_uri} set={set("request_uri")} required wide placeholder="sip:402@a.test" error={fault("request_uri")} />
            <Text label="From" value={fields.from} set={set("from")} wide placeholder="sip:401@a.test" error={fault("from")} />
            <Text label="To" value={fields.to} set={set("to")} wide hint="Empty: the Request-URI" error={fault("to")} />
            <Text label="Source" value={fields.source} set={set("source")} required wide placeholder="192.0.2.7:5060" hint="Where it comes from: a phone's, a backend's or a stranger's address" error={fault("source")} />
            <div class="finish"><Button type="submit" kind="main" disabled={busy}>{busy ? "Asking …" : "What would happen?"}</Button></div>
          </Form>
        </Panel>
        <div>
          {problem && <Note tone="bad">{problem.message}</Note>}
          {result && <Result of={result} />}
        </div>
      </div>
    </View>
  );
}
