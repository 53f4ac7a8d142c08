#include "source/guard/changes.h"

#include <gtest/gtest.h>

#include "test/unit/xds/talk.h"

namespace pillion::guard {
namespace {

using std::chrono::seconds;
using xds::Holdings;
using xds::Kind;
using Lines = std::vector<std::string>;

base::MonotonicTime At(int second) { return base::MonotonicTime(seconds(1000 + second)); }

class ChangesTest : public testing::Test {
 protected:
  // Contents; "" is none.
  void Change(int second, Kind kind, const std::string& name, const std::string& before, const std::string& now,
              bool wanted = true) {
    const std::optional<Holdings::Held> was = Held(before);
    const std::optional<Holdings::Held> is = Held(now);
    changes_.Add({source_, kind, name}, was ? &*was : nullptr, is ? &*is : nullptr, wanted, At(second));
  }
  static std::optional<Holdings::Held> Held(const std::string& content) {
    if (content.empty()) return {};
    auto body = std::make_shared<google::protobuf::Any>();
    body->set_value(content);
    return Holdings::Held{.version = "v" + content, .hash = std::hash<std::string>()(content), .body = body, .taken = {}};
  }
  static std::string Text(const std::optional<Holdings::Held>& held) { return held ? held->body->value() : "-"; }

  // Name, what was there, what is there.
  Lines Taken() {
    Lines lines;
    for (const Changes::Change& change : changes_.Take()) {
      lines.push_back(change.name + " " + Text(change.before) + ">" + Text(change.now) + (change.wanted ? "" : " unwanted"));
    }
    return lines;
  }

  const config::ConfigSource source_ = config::ApiSource();
  Changes changes_;
};

TEST_F(ChangesTest, NewOtherAndGone) {
  Change(0, Kind::kListeners, "in", "", "1");
  Change(1, Kind::kClusters, "pay", "1", "2");
  Change(2, Kind::kClusters, "cart", "1", "");
  EXPECT_EQ(changes_.watched(), 3u);
  EXPECT_EQ(changes_.first(), At(0));
  EXPECT_EQ(changes_.last(), At(2));
  EXPECT_EQ(Taken(), (Lines{"cart 1>-", "pay 1>2", "in ->1"}));
  EXPECT_FALSE(changes_.watching());
}

TEST_F(ChangesTest, TheFirstOfItsChangesSaysWhatWasThere) {
  Change(0, Kind::kClusters, "pay", "1", "2");
  Change(5, Kind::kClusters, "pay", "2", "");
  Change(9, Kind::kClusters, "pay", "", "3");
  EXPECT_EQ(changes_.first(), At(0));
  EXPECT_EQ(changes_.last(), At(9));
  EXPECT_EQ(Taken(), Lines{"pay 1>3"});
}

TEST_F(ChangesTest, WhatIsAsItWasIsNoChange) {
  Change(0, Kind::kClusters, "pay", "1", "1");
  EXPECT_FALSE(changes_.watching());
  Change(0, Kind::kClusters, "pay", "1", "2");
  Change(1, Kind::kClusters, "pay", "2", "1");
  EXPECT_FALSE(changes_.watching());
  Change(0, Kind::kClusters, "new", "", "2");
  Change(1, Kind::kClusters, "new", "2", "");
  EXPECT_EQ(Taken(), Lines{});
}

TEST_F(ChangesTest, AWindowForEach) {
  Change(0, Kind::kClusters, "a", "1", "2");
  Change(5, Kind::kClusters, "b", "1", "2");
  EXPECT_EQ(changes_.Settle(At(9), seconds(10)), 0u);
  EXPECT_EQ(changes_.Settle(At(10), seconds(10)), 1u);
  EXPECT_EQ(changes_.first(), At(5));
  Change(11, Kind::kClusters, "a", "2", "3");
  EXPECT_EQ(Taken(), (Lines{"a 2>3", "b 1>2"}));
}

TEST_F(ChangesTest, AChangeIsWatchedAnew) {
  Change(0, Kind::kClusters, "a", "1", "2");
  Change(8, Kind::kClusters, "a", "2", "3");
  EXPECT_EQ(changes_.Settle(At(17), seconds(10)), 0u);
  EXPECT_EQ(changes_.Settle(At(18), seconds(10)), 1u);
}

TEST_F(ChangesTest, OnlyItsVersionIsAnother) {
  Change(0, Kind::kClusters, "a", "1", "2");
  Change(8, Kind::kClusters, "a", "2", "2");
  EXPECT_EQ(changes_.Settle(At(10), seconds(10)), 1u);
}

TEST_F(ChangesTest, ChangesWithoutEnd) {
  for (int second = 0; second < 39; ++second) {
    Change(second, Kind::kEndpoints, "a", std::to_string(second), std::to_string(second + 1));
    EXPECT_EQ(changes_.Settle(At(second), seconds(10)), 0u) << second;
  }
  EXPECT_EQ(changes_.Settle(At(40), seconds(10)), 1u);
}

TEST_F(ChangesTest, TheFirstOfANameIsNoChange) {
  Change(0, Kind::kEndpoints, "a", "", "1");
  Change(0, Kind::kRoutes, "a", "", "1");
  EXPECT_EQ(Taken(), Lines{});
  // But what comes after that is.
  Change(0, Kind::kRoutes, "a", "1", "2");
  EXPECT_EQ(Taken(), Lines{"a 1>2"});
}

TEST_F(ChangesTest, NobodyWantsItAnyMore) {
  Change(0, Kind::kEndpoints, "a", "1", "", false);
  EXPECT_FALSE(changes_.watching());
  EXPECT_TRUE(changes_.all().empty());
  EXPECT_EQ(Taken(), Lines{"a 1>- unwanted"});
  Change(0, Kind::kEndpoints, "a", "1", "", false);
  EXPECT_EQ(changes_.Settle(At(10), seconds(10)), 0u);
  EXPECT_EQ(Taken(), Lines{});
  // Somebody wants it again, and it is another one.
  Change(0, Kind::kEndpoints, "a", "1", "", false);
  Change(7, Kind::kEndpoints, "a", "", "2");
  EXPECT_TRUE(changes_.watching());
  EXPECT_EQ(changes_.first(), At(7));
  EXPECT_EQ(Taken(), Lines{"a 1>2"});
}

}  // namespace
}  // namespace pillion::guard
