#include "core/slab.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.hpp"

using namespace usher;

namespace {
struct ThingTag {};
using Things = Slab<std::string, ThingTag>;
}  // namespace

TEST_CASE("an id finds its object until it is erased, and never the next one") {
  Things things;
  const auto [first, object] = things.emplace("first");
  CHECK(object == "first");
  CHECK(*things.find(first) == "first");
  CHECK(things.erase(first));
  CHECK(things.find(first) == nullptr);
  CHECK_FALSE(things.erase(first));
  const auto second = things.emplace("second").first;
  CHECK(second.index == first.index);
  CHECK(second != first);
  CHECK(things.find(first) == nullptr);
  CHECK_FALSE(things.erase(first));
  CHECK(*things.find(second) == "second");
  CHECK(things.size() == 1);
}

TEST_CASE("ids that name nothing find nothing") {
  Things things;
  CHECK_FALSE(Things::Id{});
  CHECK(things.find({}) == nullptr);
  CHECK(things.find({5'000'000, 1}) == nullptr);
  things.emplace("one");
  CHECK(things.find({1, 1}) == nullptr);  // a slot that was never taken
  CHECK_FALSE(things.erase({1, 1}));
  CHECK(things.size() == 1);
}

TEST_CASE("ids survive being packed into a number") {
  const Things::Id id{123456, 789};
  CHECK(Things::Id::unpack(id.packed()) == id);
  CHECK_FALSE(Things::Id::unpack(0));
}

TEST_CASE("objects do not move while others come and go") {
  Things things;
  const auto [id, object] = things.emplace("still here");
  const std::string* const address = &object;
  for (int i = 0; i < 10'000; ++i) things.emplace(std::to_string(i));
  CHECK(things.find(id) == address);
  CHECK(*address == "still here");
}

TEST_CASE("a slab agrees with a map over a random history") {
  Rng rng{11};
  Things things;
  std::map<Things::Id, std::string> model;
  std::vector<Things::Id> dead;
  for (int step = 0; step < 20'000; ++step) {
    if (model.empty() || rng.below(5) < 3) {
      const std::string text = std::to_string(step);
      const auto id = things.emplace(text).first;
      REQUIRE(model.emplace(id, text).second);
    } else {
      auto victim = model.lower_bound({static_cast<std::uint32_t>(rng.below(4000)), 0});
      if (victim == model.end()) victim = model.begin();
      REQUIRE(things.erase(victim->first));
      dead.push_back(victim->first);
      model.erase(victim);
    }
    REQUIRE(things.size() == model.size());
  }
  for (const auto& [id, text] : model) CHECK(*things.find(id) == text);
  for (const auto& id : dead) CHECK(things.find(id) == nullptr);
  std::size_t visited = 0;
  things.for_each([&](Things::Id id, std::string& text) {
    ++visited;
    CHECK(model.at(id) == text);
  });
  CHECK(visited == model.size());

  const auto from = std::next(model.begin(), static_cast<std::ptrdiff_t>(model.size() / 2));
  auto expected = from;
  std::as_const(things).visit(from->first.index, [&](Things::Id id, const std::string& text) {
    REQUIRE(expected != model.end());
    CHECK(id == expected->first);
    CHECK(text == expected->second);
    return ++expected != std::prev(model.end());
  });
  CHECK(expected == std::prev(model.end()));
}
