// Targets that go into a maintenance window and come out of one, by the edge's own time.
#include "core/time_text.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

// `told`: whoever watches is told; not at a start, where nothing has changed.
void Edge::Impl::look_at_maintenance(Now now, bool told) {
  std::vector<storage::Change> left;
  for (const auto& [id, target] : directory->targets()) {
    if (auto pruned = without_past(target, now.wall))
      left.emplace_back(storage::PutTarget{std::move(*pruned)});
  }
  // In memory alone: the next process does the same with what it reads, and an operator's write
  // that is under way must not be overtaken by one of ours.
  if (!left.empty()) directory = directory->with(left);
  for (const MaintenanceWatch::Turn& turn : maintenance.look(now, *directory)) {
    const storage::Target& target = *directory->target(turn.id);
    const std::string subject = "target " + std::to_string(target.id) + " (" +
                                target.destination.text() + ", set " +
                                std::to_string(target.setid) + ")";
    std::string text;
    if (turn.began) {
      text = "in maintenance until " + time_text(turn.window.until) +
             ": nothing new goes to it, its calls go on";
      if (!turn.window.comment.empty()) text += " (" + turn.window.comment + ")";
    } else {
      text = "its maintenance has ended: it is " +
             std::string{storage::target_state_name(target.state)} + ", as before";
    }
    log.write(LogCategory::health, LogLevel::info, {}, subject + ": " + text);
    if (told)
      event_log.add(now.wall,
                    turn.began ? EventKind::maintenance_began : EventKind::maintenance_ended,
                    subject, std::move(text));
  }
}

}  // namespace usher::routing
