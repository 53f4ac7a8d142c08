#include "source/config/route.h"
#include "source/route/path_index.h"

#include <gtest/gtest.h>

#include <random>

namespace pillion::route {
namespace {

using Path = match::RequestMatcher::Path;

// As tables have them.
template <typename Part>
std::vector<std::shared_ptr<const Part>> Shared(std::vector<Part> parts) {
  std::vector<std::shared_ptr<const Part>> shared;
  for (Part& part : parts) shared.push_back(std::make_shared<const Part>(std::move(part)));
  return shared;
}

config::Route MakeRoute(Path kind, const std::string& text, bool case_sensitive = true) {
  config::Route route;
  route.match.kind = kind;
  route.match.case_sensitive = case_sensitive;
  if (kind == Path::kRegex) {
    route.match.regex = *match::Regex::Compile(text);
  } else {
    route.match.path = text;
  }
  return route;
}

uint32_t FirstByAskingAll(const std::vector<config::Route>& routes, std::string_view path, uint64_t refused) {
  for (uint32_t i = 0; i < routes.size(); ++i) {
    if ((refused >> (i % 64) & 1) == 0 && routes[i].match.MatchesPath(path)) return i;
  }
  return PathIndex::kNone;
}

// Of paths and routes over a few letters, so that they have much in common.
class RandomWords {
 public:
  explicit RandomWords(uint32_t seed) : random_(seed) {}

  size_t Below(size_t limit) { return random_() % limit; }
  std::string Text(size_t longest) {
    constexpr std::string_view kLetters = "/abAB/";
    std::string text;
    for (size_t left = Below(longest + 1); left > 0; --left) text += kLetters[Below(kLetters.size())];
    return text;
  }
  config::Route Route() {
    const auto kind = static_cast<Path>(Below(4));
    if (kind != Path::kRegex) return MakeRoute(kind, Text(6), Below(3) != 0);
    static constexpr const char* kEnds[] = {"", ".*", "[ab]+", "/?", "(a|B)*", "+", "{1,2}", "|/a", "$"};
    return MakeRoute(kind, "/" + Text(3) + kEnds[Below(std::size(kEnds))]);
  }

 private:
  std::mt19937 random_;
};

TEST(PathIndexTest, FindsWhatAskingAllFinds) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    RandomWords random(seed);
    std::vector<config::Route> routes;
    for (size_t left = random.Below(60); left > 0; --left) routes.push_back(random.Route());
    Words words;
    const PathIndex index(Shared(routes), words);
    for (int i = 0; i < 100; ++i) {
      const std::string path = "/" + random.Text(8);
      const uint64_t refused = i % 2 == 0 ? 0 : random.Below(UINT64_MAX);
      const uint32_t found =
          index.First(words.data(), path, [&](uint32_t number) { return (refused >> (number % 64) & 1) == 0; });
      ASSERT_EQ(found, FirstByAskingAll(routes, path, refused)) << "seed " << seed << ", " << path;
    }
  }
}

// However many routes there are, only those are asked whose path fits.
TEST(PathIndexTest, AsksFew) {
  std::vector<config::Route> routes;
  for (int i = 0; i < 10'000; ++i) {
    const std::string number = std::to_string(i);
    switch (i % 3) {
      case 0:
        routes.push_back(MakeRoute(Path::kPrefix, "/prefix/" + number + "/"));
        break;
      case 1:
        routes.push_back(MakeRoute(Path::kExact, "/exact/" + number));
        break;
      default:
        routes.push_back(MakeRoute(Path::kRegex, "/regex/" + number + "/[a-z]+"));
    }
  }
  Words words;
  const PathIndex index(Shared(routes), words);
  const auto find = [&](std::string_view path, size_t& asked) {
    return index.First(words.data(), path, [&](uint32_t) { return ++asked > 0; });
  };
  for (const auto& [path, number] : std::map<std::string, uint32_t>{{"/prefix/9999/x", 9999},
                                                                    {"/exact/9997", 9997},
                                                                    {"/regex/9998/abc", 9998},
                                                                    {"/regex/9998/123", PathIndex::kNone},
                                                                    {"/other", PathIndex::kNone}}) {
    size_t asked = 0;
    EXPECT_EQ(find(path, asked), number) << path;
    EXPECT_LE(asked, 1u) << path;
  }
}

TEST(PathIndexTest, ManyRegexesWithOneBeginning) {
  std::vector<config::Route> routes;
  for (int i = 0; i < 1000; ++i) routes.push_back(MakeRoute(Path::kRegex, "/[^/]+/item" + std::to_string(i)));
  routes.push_back(MakeRoute(Path::kRegex, "/any/.*"));
  routes.push_back(MakeRoute(Path::kPrefix, "/"));
  Words words;
  const PathIndex index(Shared(routes), words);
  const auto find = [&](std::string_view path) { return index.First(words.data(), path, [](uint32_t) { return true; }); };
  EXPECT_EQ(find("/any/item999"), 999u);
  EXPECT_EQ(find("/any/item1000"), 1000u);
  EXPECT_EQ(find("/other/item1000"), 1001u);
}

}  // namespace
}  // namespace pillion::route
