// What the API answers, as admin/openapi.yaml describes it.
export type Page<T> = { items: T[]; next: string | null };

// Where DNS leads a target's name.
type Place = {
  endpoint: string; transport: string; host: string; priority: number; weight: number; ttl: string; state: "fresh" | "kept"; reason: string; problem: string;
};
export type Target = {
  id: number; setid: number; destination: string; priority: number; weight: number; sources: string[];
  state: "active" | "draining" | "disabled"; comment: string; health: "unknown" | "up" | "down"; reason: string;
  rtt_ms: number | null; changed: string | null; retry_after: string | null; live_calls: number; attempts: number;
  failures: number; addresses: string[]; maintenance: Maintenance[]; maintenance_until: string | null;
  resolved?: Place[]; resolve_problem?: string;
};
// What one process has seen of a target; newest first.
export type HealthChange = { at: string; health: Target["health"]; was: Target["health"]; reason: string };
export type Probe = { at: string; status: number | null; failed: boolean; rtt_ms: number | null; reason: string };
export type TargetHistory = { changes: HealthChange[]; probes: Probe[]; failures: { at: string; reason: string }[] };
export type DispatcherSet = {
  setid: number; algorithm: string; comment: string; targets: { total: number; up: number };
  health: { interval: string; timeout: string; down_after: number; up_after: number };
  failover: { codes: number[]; max_attempts: number; follow_redirects: boolean };
};
export type Domain = { domain: string; setid: number; enabled: boolean; comment: string };
export type DomainPreview = {
  preview: boolean; changes: string[]; fields: { field: string; before: unknown; after: unknown }[];
  touches: { registrations: number; live_calls: number; subscriptions: number };
  served_by: { setid: number; targets: { id: number; destination: string; state: string; health: string; maintenance_until: string | null }[] } | null;
  warnings: string[];
};
export type Maintenance = { from: string; until: string; comment: string };
export type Registration = {
  token: string; aor: string; domain: string; contact: string; instance: string; q: number; source: string;
  transport: string; target: number | null; user_agent: string; registered: string; expires: string; expires_in_s: number;
};
export type Subscription = {
  id: string; key: string; state: string; event: string; refer: boolean; subscriber: string; notifier: string; domain: string;
  subscriber_side: "phone" | "backend"; subscriber_at: string | null; notifier_at: string | null; target: number | null;
  subscriber_call_id: string; notifier_call_id: string; in_call: boolean; expires: string | null;
};
export type Connection = {
  id: string; transport: string; state: string; remote: string; local: string; made_by: string; silent: boolean;
  opened: string; last_traffic: string; queued_bytes: number;
};
export type Call = {
  id: string; key: string; state: string; from: string; to: string; domain: string; origin_side: "phone" | "backend"; origin: string;
  destination: string | null; target: number | null; origin_call_id: string; new_call_id: string; started: string;
  answered: string | null; duration_s: number | null; hint?: string | null;
};
export type Cdr = {
  id: string; from: string; to: string; domain: string; origin_side: string; origin: string; target: number | null;
  destination: string | null; origin_call_id: string; new_call_id: string; attempts: number; failovers: number;
  status: number; cause: string; ended_by: string; started: string; ringing: string | null; answered: string | null;
  ended: string | null; setup_ms: number | null; talk_s: number | null;
};
export type Party = { id: number; label: string; role: string };
export type LadderItem = {
  sequence: number; at: string; offset_ms: number; from?: number; to?: number; kind: "message" | "retransmission" | "dropped" | "note";
  label: string; cseq?: string; detail?: string; transport?: string; bytes?: number; text?: string;
};
export type Ladder = { parties: Party[]; items: LadderItem[]; older: number | null };
export type Step = { at?: string; offset_ms?: number; what: string; why?: string; fields?: Record<string, unknown> };
export type Explanation = { id: string; kind: string; verdict: string; known_death: string | null; hint: string | null; steps: Step[] };
// A request as the flight recorder has it, and what came of it.
export type RecentRequest = {
  id: string; at: string; kind: "call" | "registration" | "request" | "drop"; method: string; from: string; to: string; source: string;
  status: number | null; known_death: string | null; verdict: string;
};
export type RouteTest = {
  outcome: string; status: number; reason: string; origin?: unknown; domain?: string | null;
  candidates?: { target: number | null; destination: string; chosen: boolean; order: number | null; rejected: string | null }[];
  steps?: Step[];
};
export type DoorKnock = {
  when: string; first: string; count: number; domain: string; source: string; method: string; reason: string; user_agent: string;
};
export type Ban = {
  network: string; reason: string; made_by: string; since: string; until: string | null; hits: number; times: number; enforced: boolean;
};
export type Gate = {
  mode: "first-week" | "dry-run" | "enforce"; enforcing: boolean; enforces_from: string | null; opened: string; trusted: string[];
  limits: Record<string, { per_second: number; burst: number }>; bans: Record<string, string | number>;
};
export type Scanner = { pattern: string; comment: string };
export type Timer = { value: string; ms: number; meaning: string };
export type Event = { id: number; at: string; kind: string; subject?: string; text: string };
// In a list of events: so many are missing here, which happened after the one of `since`. `at` is of the next one.
export type Gap = { id: number; at: string; kind: "gap"; lost: number; since: string };
export type AuditEntry = {
  id: number; when: string; client: string; token: string; method: string; path: string; status: number; before: unknown; after: unknown;
};
export type Readiness = { status: string; reasons: string[]; degraded: string[] };
export type Counter = Record<string, number>;
export type Status = {
  version: string; started: string; uptime: string; uptime_s: number; ready: boolean; page: boolean;
  load: { lag_ms: number; worst_lag_ms: number; overload: string; queues: Record<string, number> };
  counts: Record<string, number | Record<string, number>>;
  counters: Record<string, number | Counter>;
  store: { ok: boolean; reason: string; queued: number; last_commit_ms: number; commits: number; failed_batches: number; dropped: number };
};
