// What phones have with the edge: registrations, subscriptions, connections, each with its number.
import { whole } from "../format";
import { number, samples } from "../history";
import { href, route } from "../route";
import { useStore } from "../store";

const TABS = { registrations: "Registrations", subscriptions: "Subscriptions", connections: "Connections" };

export function PhoneTabs() {
  const { name } = useStore(route);
  const counts = useStore(samples).at(-1)?.status.counts;
  return (
    <nav class="tabs" aria-label="What phones have">
      {Object.entries(TABS).map(([view, title]) => (
        <a key={view} href={href(view)} aria-current={view === name ? "page" : undefined}>{title}{counts && ` (${whole(number(counts[view]))})`}</a>
      ))}
    </nav>
  );
}
