// All parts of a kind: each is found by its name, however many there are.

#include "source/push/named_part.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace pillion::push {
namespace {

struct Source {
  std::string name;
  int source = 0;
};

class Part {
 public:
  struct Log {
    size_t compared = 0;
    std::vector<std::string> asked;
    std::function<void(const std::string& name)> on_ask = [](const std::string&) {};
  };

  Part(Log& log, const Source& of) : log_(log), of_(of) {}

  const std::string& name() const { return of_.name; }
  int source() const { return of_.source; }
  bool Is(const Source& other) const {
    ++log_.compared;
    return of_.name == other.name && of_.source == other.source;
  }
  void Ask() {
    log_.asked.push_back(of_.name);
    const auto on_ask = log_.on_ask;  // what it calls may end this
    on_ask(of_.name);
  }

 private:
  Log& log_;
  const Source of_;
};

class NamedPartsTest : public testing::Test {
 protected:
  std::shared_ptr<Part> Use(const Source& source) {
    return parts_->Use(source, [&] {
      ++made_;
      return std::make_unique<Part>(log_, source);
    });
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    parts_->ForEach([&names](const Part& part) { names.push_back(part.name()); });
    return names;
  }

  Part::Log log_;
  size_t made_ = 0;
  std::unique_ptr<NamedParts<Part>> parts_ = std::make_unique<NamedParts<Part>>();
};

using Lines = std::vector<std::string>;

TEST_F(NamedPartsTest, ThousandsAreFoundByTheirNames) {
  constexpr size_t kParts = 5000;
  const auto name = [](size_t i) { return "table-" + std::to_string(i); };
  std::vector<std::shared_ptr<Part>> used;
  for (size_t i = 0; i < kParts; ++i) used.push_back(Use({name(i)}));
  EXPECT_EQ(log_.compared, 0u);
  for (size_t i = 0; i < kParts; ++i) {
    EXPECT_EQ(parts_->Find(Source{name(i)}), used[i].get());
    EXPECT_EQ(Use({name(i)}), used[i]);
  }
  EXPECT_EQ(log_.compared, 2 * kParts);
  EXPECT_EQ(made_, kParts);
  parts_->Start();
  EXPECT_EQ(log_.asked.size(), kParts);
  EXPECT_EQ(log_.compared, 2 * kParts);
  used.clear();
  EXPECT_TRUE(Names().empty());
}

TEST_F(NamedPartsTest, TwoSourcesMayHaveThatName) {
  const std::shared_ptr<Part> one = Use({"t", 1});
  std::shared_ptr<Part> two = Use({"t", 2});
  EXPECT_NE(one, two);
  EXPECT_EQ(Use({"t", 2}), two);
  EXPECT_EQ(parts_->Find(Source{"t", 1}), one.get());
  EXPECT_EQ(parts_->Find(Source{"t", 3}), nullptr);
  two.reset();
  EXPECT_EQ(parts_->Find(Source{"t", 2}), nullptr);
  EXPECT_EQ(parts_->Find(Source{"t", 1}), one.get());
}

TEST_F(NamedPartsTest, OneThatWasGoneIsAnotherOne) {
  std::shared_ptr<Part> a = Use({"a"});
  const std::shared_ptr<Part> b = Use({"b"});
  a.reset();
  EXPECT_EQ(parts_->Find(Source{"a"}), nullptr);
  a = Use({"a"});
  EXPECT_EQ(made_, 3u);
  EXPECT_EQ(Names(), (Lines{"b", "a"}));  // as they came
}

TEST_F(NamedPartsTest, EachIsAskedForOnce) {
  const std::shared_ptr<Part> a = Use({"a"});
  Use({"gone"});
  parts_->AskForNew();
  EXPECT_TRUE(log_.asked.empty());  // not before the start
  std::shared_ptr<Part> c;
  log_.on_ask = [&](const std::string& name) {
    if (name == "a") c = Use({"c"});
    parts_->AskForNew();
  };
  parts_->Start();
  parts_->AskForNew();
  EXPECT_EQ(log_.asked, (Lines{"a", "c"}));
}

TEST_F(NamedPartsTest, WhoIsAskedForMayEndOthersAndAll) {
  std::vector<std::shared_ptr<Part>> used = {Use({"a"}), Use({"b"}), Use({"c"})};
  log_.on_ask = [&](const std::string& name) {
    if (name == "a") used.erase(used.begin(), used.begin() + 2);  // with the one that is asked for
  };
  parts_->Start();
  EXPECT_EQ(log_.asked, (Lines{"a", "c"}));
  used = {Use({"d"}), Use({"e"})};
  log_.on_ask = [&](const std::string&) {
    used.clear();
    parts_.reset();
  };
  parts_->AskForNew();
  EXPECT_EQ(log_.asked, (Lines{"a", "c", "d"}));
}

}  // namespace
}  // namespace pillion::push
