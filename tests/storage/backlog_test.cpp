// What a failing disk leaves to be tried again.
#include "storage/sqlite/batch.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

Batch eventual(std::vector<Change> changes) {
  return Batch{std::move(changes), Durability::eventual, nullptr, false};
}

std::string summary(const Backlog& backlog) {
  std::string text;
  for (const Batch& batch : backlog.batches()) {
    for (const Change& change : batch.changes) {
      if (const auto* c = std::get_if<PutBinding>(&change)) text += "+" + c->binding.token;
      if (const auto* c = std::get_if<DeleteBinding>(&change)) text += "-" + c->token;
      if (std::holds_alternative<PutDoorKnock>(change)) text += "k";
    }
    text += ";";
  }
  return text;
}

PutBinding put(const std::string& token) {
  return PutBinding{sample_binding(token)};
}

}  // namespace

TEST_CASE("a group takes whole batches up to its size, and at least one") {
  Backlog backlog;
  CHECK(backlog.group(10) == 0);
  backlog.push(eventual({put("a"), put("b"), put("c")}));
  backlog.push(eventual({}));
  backlog.push(eventual({put("d")}));
  backlog.push(eventual({put("e"), put("f")}));
  CHECK(backlog.changes() == 6);
  CHECK(backlog.group(1) == 1);
  CHECK(backlog.group(3) == 2);
  CHECK(backlog.group(5) == 3);
  CHECK(backlog.group(100) == 4);
  CHECK(backlog.pop().changes.size() == 3);
  CHECK(backlog.changes() == 3);
}

TEST_CASE("a refusal answers each batch once and keeps the eventual ones") {
  Backlog backlog;
  int answers = 0;
  const auto count = [&answers](Result<void> r) { answers += r ? 0 : 1; };
  backlog.push(Batch{{put("a")}, Durability::eventual, count, false});
  backlog.push(Batch{{put("b"), put("c")}, Durability::required, count, false});
  backlog.push(Batch{{put("d")}, Durability::eventual, count, false});
  const auto answer_all = [](const std::vector<Answer>& all) {
    for (const Answer& a : all) {
      if (a.first) a.first(a.second);
    }
  };
  answer_all(backlog.refuse(fail(Errc::io, "full")));
  CHECK(answers == 3);
  CHECK(summary(backlog) == "+a;+d;");
  CHECK(backlog.changes() == 2);
  answer_all(backlog.refuse(fail(Errc::io, "full")));
  CHECK(answers == 3);
  CHECK(summary(backlog) == "+a;+d;");
}

TEST_CASE("below the bound nothing is forgotten; above it what is superseded goes first") {
  Backlog backlog;
  backlog.push(eventual({put("a"), PutDoorKnock{sample_knock(1)}, put("b")}));
  backlog.push(eventual({put("a"), put("a")}));
  backlog.push(eventual({DeleteBinding{"b"}, put("c")}));
  CHECK(backlog.bound(7) == 0);
  CHECK(summary(backlog) == "+ak+b;+a+a;-b+c;");
  CHECK(backlog.bound(6) == 0);
  CHECK(summary(backlog) == "k;+a;-b+c;");
  CHECK(backlog.changes() == 4);
}

TEST_CASE("what still does not fit is given up from the old end, in whole batches, and counted") {
  Backlog backlog;
  backlog.push(eventual({put("a"), put("b")}));
  backlog.push(eventual({PutDoorKnock{sample_knock(1)}, put("c")}));
  backlog.push(eventual({put("d")}));
  CHECK(backlog.bound(4) == 2);
  CHECK(summary(backlog) == "k+c;+d;");
  CHECK(backlog.bound(0) == 3);
  CHECK(backlog.empty());
  CHECK(backlog.changes() == 0);
}

}  // namespace usher::storage
