#include "admin/client_text.hpp"

#include <algorithm>
#include <vector>

#include "admin/client_table.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

void print_lines(const Json& of, const char* member, const std::string& before, std::ostream& out) {
  const Json* all = of.find(member);
  if (!all || !all->array()) return;
  for (const Json& one : *all->array()) out << before << cell(&one) << '\n';
}

}  // namespace

void print_changes(const Json& told, const std::string& before, std::ostream& out) {
  print_lines(told, "changes", before, out);
  const Json* all = told.find("changes");
  if (all && all->array() && all->array()->empty()) out << "nothing to change\n";
}

void print_preview(const Json& told, std::ostream& out) {
  print_lines(told, "changes", "would ", out);
  if (const Json* fields = told.find("fields"); fields && fields->array()) {
    for (const Json& one : *fields->array())
      out << "  " << cell(one.find("field")) << ": " << cell(one.find("before")) << " -> "
          << cell(one.find("after")) << '\n';
  }
  if (const Json* touches = told.find("touches"); touches && touches->object()) {
    for (const auto& [name, count] : *touches->object()) {
      std::string words = name;
      std::replace(words.begin(), words.end(), '_', ' ');
      out << words << ": " << cell(&count) << '\n';
    }
  }
  if (const Json* by = told.find("served_by"); by && by->object()) {
    out << "served by set " << cell(by->find("setid")) << '\n';
    if (const Json* all = by->find("targets"); all && all->array()) {
      for (const Json& one : *all->array())
        out << "  target " << cell(one.find("id")) << " " << cell(one.find("destination")) << " "
            << cell(one.find("state")) << " " << cell(one.find("health")) << '\n';
    }
  }
  print_lines(told, "warnings", "warning: ", out);
}

void print_steps(const Json* steps, std::ostream& out) {
  if (!steps || !steps->array()) return;
  for (const Json& step : *steps->array()) {
    if (const std::string at = cell(step.find("offset_ms")); !at.empty())
      out << std::string(at.size() < 12 ? 12 - at.size() : 0, ' ') << at << " ms  ";
    out << cell(step.find("what"));
    if (const std::string why = cell(step.find("why")); !why.empty()) out << ": " << why;
    if (const Json* fields = step.find("fields"); fields && fields->object()) {
      for (const auto& [name, value] : *fields->object())
        out << "  " << escaped(name) << '=' << cell(&value);
    }
    out << '\n';
  }
}

void print_status(const Json& status, std::ostream& out) {
  out << "usher " << cell(status.find("version")) << ", up " << cell(status.find("uptime")) << ", "
      << (cell(status.find("ready")) == "yes" ? "ready" : "not ready") << '\n';
  std::vector<std::vector<std::string>> rows;
  for (const char* group : {"counts", "counters", "store"}) {
    const Json* members = status.find(group);
    if (!members || !members->object()) continue;
    for (const auto& [name, value] : *members->object()) {
      if (value.object()) {
        for (const auto& [inner, count] : *value.object())
          rows.push_back({group, name + " " + escaped(inner), cell(&count)});
      } else {
        rows.push_back({group, name, cell(&value)});
      }
    }
  }
  if (!rows.empty()) print_rows(std::move(rows), out);
}

}  // namespace usher::admin
