// Every message of the corpora is read by sofia-sip and by Usher. Where they disagree, the table
// says who is right and why; a disagreement that it does not explain fails, and so does a row that
// explains nothing.
//
// USHER_EXTRA_CORPUS=dir:dir… adds directories of *.dat; their disagreements are printed and fail
// nothing.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "tests/differential/readings.hpp"
#include "tests/sip/parse/corpus.hpp"

using namespace usher::sip::test;

namespace {

struct Explained {
  std::string_view file;
  std::string_view property;  // "verdict": one accepts, the other refuses
  std::string_view why;
};

constexpr Explained kExplained[] = {
    {"badaspec", "verdict",
     "RFC 4475 3.1.2.14: no white space within <>; sofia-sip strips it, which the RFC permits too"},
    {"baddate", "verdict", "RFC 4475 3.1.2.12: a Date that nobody reads is no reason to refuse"},
    {"badvers", "verdict",
     "RFC 4475 3.1.2.16: SIP/7.0 is answered with 505; sofia-sip leaves that to its user"},
    {"escruri", "verdict",
     "RFC 4475 3.1.2.11: header fields in a Request-URI may be refused, and then go nowhere"},
    {"intmeth", "verdict",
     "RFC 4475 3.1.1.2 is valid; sofia-sip minds the method and the NUL in a quoted pair"},
    {"lwsstart", "verdict",
     "RFC 4475 3.1.2.9: one SP between the parts of the request line; liberal is permitted too"},
    {"trws", "verdict",
     "RFC 4475 3.1.2.10: no SP at the end of the request line; liberal is permitted too"},
    {"rfc3666_2.3_F14", "verdict",
     "the RFC's typing error: a Route without \"sip:\"; sofia-sip takes it for a path"},
    {"rfc3666_2.3_F16", "verdict",
     "the RFC's typing error: a Route without \"sip:\"; sofia-sip takes it for a path"},
};

struct Difference {
  std::string property;
  std::string what;  // both readings
};

std::vector<Difference> differences(std::string_view message) {
  const Reading usher = read_with_usher(message);
  const Reading sofia = read_with_sofia(message);
  std::vector<Difference> out;
  if (usher.accepted != sofia.accepted) {
    out.push_back({"verdict", "usher: " + (usher.accepted ? "accepted" : usher.reason) +
                                  "; sofia-sip: " + (sofia.accepted ? "accepted" : sofia.reason)});
    return out;
  }
  if (!usher.accepted) return out;
  std::set<std::string> properties;
  for (const auto& [name, value] : usher.properties) properties.insert(name);
  for (const auto& [name, value] : sofia.properties) properties.insert(name);
  for (const std::string& name : properties) {
    const auto u = usher.properties.find(name), s = sofia.properties.find(name);
    const std::string ours = u == usher.properties.end() ? "" : u->second;
    const std::string theirs = s == sofia.properties.end() ? "" : s->second;
    if (ours != theirs) out.push_back({name, "usher: " + ours + "; sofia-sip: " + theirs});
  }
  return out;
}

}  // namespace

TEST_CASE("sofia-sip and Usher read every message alike, or the difference is explained") {
  std::map<std::pair<std::string, std::string>, bool> explained;  // → met
  for (const Explained& row : kExplained)
    explained[{std::string(row.file), std::string(row.property)}] = false;
  for (const CorpusFile& file : whole_corpus()) {
    for (const Difference& d : differences(file.bytes)) {
      INFO(file.name, ": ", d.property, ": ", d.what);
      const auto row = explained.find({file.name, d.property});
      CHECK(row != explained.end());
      if (row != explained.end()) row->second = true;
    }
  }
  for (const auto& row : explained) {
    INFO("explained and not met: ", row.first.first, ": ", row.first.second);
    CHECK(row.second);
  }
}

TEST_CASE("further corpora, by hand") {
  const char* directories = std::getenv("USHER_EXTRA_CORPUS");
  std::string rest = directories ? directories : "";
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    for (const CorpusFile& file : read_corpus(rest.substr(0, end))) {
      for (const Difference& d : differences(file.bytes)) {
        MESSAGE(file.name, ": ", d.property, ": ", d.what);
      }
    }
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
}
