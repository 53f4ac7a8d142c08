#include "source/http/header_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "source/base/random.h"

namespace pillion::http {
namespace {

TEST(HeaderNames, AreFoundAndLowerCase) {
  for (size_t i = 1; i < kHeaderIds; ++i) {
    const HeaderId id = static_cast<HeaderId>(i);
    const std::string name(HeaderName(id));
    EXPECT_FALSE(name.empty());
    EXPECT_EQ(FindHeaderId(name), id) << name;
    std::string upper = name;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(FindHeaderId(upper), HeaderId::kUnknown) << name;
    EXPECT_EQ(FindHeaderIdIgnoringCase(name), id) << name;
    EXPECT_EQ(FindHeaderIdIgnoringCase(upper), id) << name;
    upper[0] = static_cast<char>(std::tolower(upper[0]));
    EXPECT_EQ(FindHeaderIdIgnoringCase(upper), id) << name;
    // One byte different, more or less is another name.
    constexpr std::string_view kToken =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t at = 0; at < name.size(); ++at) {
      for (const char c : kToken) {
        std::string other = name;
        other[at] = c;
        if (std::tolower(c) == name[at]) continue;
        EXPECT_NE(FindHeaderId(other), id) << other;
        EXPECT_NE(FindHeaderIdIgnoringCase(other), id) << other;
      }
    }
    EXPECT_NE(FindHeaderId(name + "x"), id);
    EXPECT_NE(FindHeaderIdIgnoringCase(name.substr(1)), id);
  }
  EXPECT_EQ(FindHeaderId(""), HeaderId::kUnknown);
  EXPECT_EQ(FindHeaderIdIgnoringCase(""), HeaderId::kUnknown);
  EXPECT_EQ(HeaderName(HeaderId::kUnknown), "");
}

TEST(HeaderMap, KeepsOrderAndRepetition) {
  base::BlockPool pool;
  base::Arena arena(pool);
  HeaderMap headers(arena);
  headers.Add("a", "1");
  headers.Add(HeaderId::kCookie, "x");
  headers.Add("a", "2");
  headers.Add("cookie", "y", true);
  ASSERT_EQ(headers.size(), 4u);
  EXPECT_EQ(headers.begin()[1].name(), "cookie");
  EXPECT_EQ(headers.begin()[3].id, HeaderId::kCookie);
  EXPECT_TRUE(headers.begin()[3].sensitive);
  EXPECT_EQ(headers.Get(HeaderId::kCookie), "x");
  EXPECT_EQ(headers.Count(HeaderId::kCookie), 2u);
  EXPECT_EQ(headers.Find("a")->value(), "1");
  EXPECT_EQ(headers.Find("b"), nullptr);
  EXPECT_EQ(headers.Get(HeaderId::kHost), "");
  EXPECT_EQ(headers.ListSize(), 4 * 32 + 2 * 2 + 2 * 7u);
}

TEST(HeaderMap, SetLeavesOne) {
  base::BlockPool pool;
  base::Arena arena(pool);
  HeaderMap headers(arena);
  headers.Set(HeaderId::kServer, "a");
  EXPECT_EQ(headers.Get(HeaderId::kServer), "a");
  headers.Add("x", "1");
  headers.Add(HeaderId::kServer, "b");
  headers.Set(HeaderId::kServer, "c");
  ASSERT_EQ(headers.size(), 2u);
  EXPECT_EQ(headers.begin()[0].value(), "c");
  EXPECT_EQ(headers.begin()[1].name(), "x");
}

TEST(HeaderMap, BehavesAsAVector) {
  base::Random random(5);
  base::BlockPool pool;
  const std::vector<std::string> names = {
      "a", "b", "x-long-name-that-is-not-known", "cookie", "host", "x-request-id", "vary", "accept"};
  for (int round = 0; round < 200; ++round) {
    base::Arena arena(pool);
    HeaderMap headers(arena);
    std::vector<std::pair<std::string, std::string>> model;
    for (int step = 0; step < 100; ++step) {
      const std::string& name = names[random.Below(names.size())];
      const std::string value = std::to_string(step);
      const HeaderId id = FindHeaderId(name);
      const auto named = [&](const auto& field) { return field.first == name; };
      switch (random.Below(8)) {
        case 0:
          headers.Remove(name);
          std::erase_if(model, named);
          break;
        case 1:
          headers.Remove(id == HeaderId::kUnknown ? HeaderId::kServer : id);
          if (id != HeaderId::kUnknown) std::erase_if(model, named);
          break;
        case 2: {
          if (id == HeaderId::kUnknown) break;
          headers.Set(id, arena.Copy(value));
          const auto first = std::ranges::find_if(model, named);
          if (first == model.end()) {
            model.emplace_back(name, value);
          } else {
            first->second = value;
            model.erase(std::remove_if(first + 1, model.end(), named), model.end());
          }
          break;
        }
        default:
          headers.Add(name, arena.Copy(value));
          model.emplace_back(name, value);
          break;
      }
      ASSERT_EQ(headers.size(), model.size());
      for (size_t i = 0; i < model.size(); ++i) {
        ASSERT_EQ(headers.begin()[i].name(), model[i].first);
        ASSERT_EQ(headers.begin()[i].value(), model[i].second);
      }
      for (const std::string& n : names) {
        const auto same = [&](const auto& field) { return field.first == n; };
        const auto first = std::ranges::find_if(model, same);
        const HeaderField* found = headers.Find(n);
        ASSERT_EQ(found != nullptr, first != model.end());
        if (found != nullptr) {
          ASSERT_EQ(found->value(), first->second);
        }
        const HeaderId known = FindHeaderId(n);
        if (known == HeaderId::kUnknown) continue;
        ASSERT_EQ(headers.Has(known), first != model.end());
        ASSERT_EQ(headers.Count(known), static_cast<size_t>(std::ranges::count_if(model, same)));
      }
    }
  }
}

}  // namespace
}  // namespace pillion::http
