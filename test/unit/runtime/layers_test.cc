#include "source/runtime/layers.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "source/runtime/value.h"

namespace pillion::runtime {
namespace {

namespace fs = std::filesystem;

class LayersTest : public ::testing::Test {
 protected:
  LayersTest() {
    std::string pattern = ::testing::TempDir() + "runtime_XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  ~LayersTest() override { fs::remove_all(root_); }

  void Write(const std::string& file, const std::string& text) {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text;
  }
  static LayerSettings Fixed(const std::string& name, const std::string& key, const std::string& text) {
    return {name, StaticLayer{{{key, ParseValue(text)}}}};
  }

  fs::path root_;
  Keys keys_;
};

TEST(ValueTest, Kinds) {
  EXPECT_EQ(ParseValue("12").integer, 12u);
  EXPECT_EQ(ParseValue(" 12 ").number, 12.0);
  EXPECT_EQ(ParseValue("1.9").integer, 1u);
  EXPECT_EQ(ParseValue("1.9").number, 1.9);
  EXPECT_EQ(ParseValue("18446744073709551614").integer, 18446744073709551614u);
  EXPECT_FALSE(ParseValue("-1").integer);
  EXPECT_EQ(ParseValue("-1").number, -1.0);
  EXPECT_EQ(ParseValue("TRUE").flag, true);
  EXPECT_EQ(ParseValue("false").flag, false);
  EXPECT_FALSE(ParseValue("1").flag);
  EXPECT_FALSE(ParseValue("inf").number);
  EXPECT_FALSE(ParseValue("a text").number);
  EXPECT_EQ(ParseValue("a text").text, "a text");
}

TEST(ValueTest, Fractions) {
  for (const char* const text : {"{numerator: 5, denominator: MILLION}", "{\"numerator\": 5, \"denominator\": \"MILLION\"}",
                                 "numerator: 5\ndenominator: MILLION"}) {
    EXPECT_EQ(ParseValue(text).numerator, 5u) << text;
    EXPECT_EQ(ParseValue(text).denominator, 1'000'000u) << text;
  }
  EXPECT_EQ(ParseValue("{numerator: 5}").denominator, 100u);
  for (const char* const text : {"", "{}", "numerator", "{numerator: x}", "{numerator: 5, denominator: DOZEN}", "{part: 5}"}) {
    EXPECT_EQ(ParseValue(text).denominator, 0u) << text;
  }
}

TEST_F(LayersTest, LaterLayersWin) {
  const auto key = keys_.Find("k");
  Layers layers({Fixed("one", "k", "1"), Fixed("two", "k", "2"), Fixed("three", "else", "3")}, keys_);
  ASSERT_TRUE(layers.Load().ok());
  EXPECT_EQ(key->Integer(0), 2u);
  EXPECT_EQ(layers.merged().size(), 2u);
  EXPECT_EQ(layers.Unheeded(), std::vector<std::string>{"else"});
  EXPECT_EQ(layers.counts().load_success, 1u);
}

TEST_F(LayersTest, FilesAreKeys) {
  Write("v1/a/b", "# what it is for\n7\n\n");
  Write("v1/c", "text");
  Write("v1/of/me/a/b", "9");
  const auto key = keys_.Find("a.b");
  const std::string root = root_ / "v1";
  Layers layers({{"all", DiskLayer{root, root}}, {"mine", DiskLayer{root, root + "/of/me", true}}}, keys_);
  ASSERT_TRUE(layers.Load().ok());
  EXPECT_EQ(key->Integer(0), 9u);
  EXPECT_EQ(layers.values(0).find("a.b")->second.text, "7");
  EXPECT_EQ(layers.values(0).find("c")->second.text, "text");
  EXPECT_EQ(layers.counts().override_dir_exists, 1u);

  Write("v1/a/b", "8");
  fs::remove_all(root_ / "v1/of");
  ASSERT_TRUE(layers.Load().ok());
  EXPECT_EQ(key->Integer(0), 8u);
}

TEST_F(LayersTest, WhatCanNotBeReadChangesNothing) {
  Write("a", "1");
  const auto key = keys_.Find("a");
  Layers layers({{"disk", DiskLayer{root_, root_}}}, keys_);
  ASSERT_TRUE(layers.Load().ok());
  Write("a", "2");
  Write("b", std::string(65 * 1024, 'x'));
  EXPECT_NE(layers.Load().message().find("too much for a value"), absl::string_view::npos);
  EXPECT_EQ(key->Integer(0), 1u);
  EXPECT_EQ(layers.counts().load_error, 1u);
}

TEST_F(LayersTest, AdministrationSetsAndTakesAway) {
  const auto key = keys_.Find("k");
  Layers layers({Fixed("one", "k", "1"), {"admin", AdminLayer()}}, keys_);
  ASSERT_TRUE(layers.Load().ok());
  ASSERT_TRUE(layers.Modify({{"k", "5"}, {"more", "true"}}).ok());
  EXPECT_EQ(key->Integer(0), 5u);
  EXPECT_EQ(layers.overrides(), 2u);
  ASSERT_TRUE(layers.Modify({{"k", ""}}).ok());
  EXPECT_EQ(key->Integer(0), 1u);
  EXPECT_EQ(layers.overrides(), 1u);
}

TEST_F(LayersTest, WithoutALayerForItNothingIsSet) {
  Layers layers({Fixed("one", "k", "1")}, keys_);
  EXPECT_EQ(layers.Modify({{"k", "5"}}).message(), "No admin layer specified");
}

TEST_F(LayersTest, WhatIsPushedTakesItsPlace) {
  Layers layers({Fixed("first", "a", "1"), {"pushed", PushedLayer{}}, Fixed("last", "b", "9")}, keys_);
  ASSERT_TRUE(layers.Load().ok());
  const auto a = keys_.Find("a"), b = keys_.Find("b"), c = keys_.Find("c");
  EXPECT_EQ(a->Integer(0), 1u);
  layers.Push(1, {{"a", ParseValue("2")}, {"b", ParseValue("2")}, {"c", ParseValue("true")}});
  EXPECT_EQ(a->Integer(0), 2u);
  EXPECT_EQ(b->Integer(0), 9u);
  EXPECT_TRUE(c->Flag(false));
  EXPECT_EQ(layers.merged().size(), 3u);
  EXPECT_EQ(layers.counts().load_success, 2u);
  ASSERT_TRUE(layers.Load().ok());  // files are read again, and it stays
  EXPECT_EQ(a->Integer(0), 2u);
  layers.Push(1, {});
  EXPECT_EQ(a->Integer(0), 1u);
  EXPECT_FALSE(c->Flag(false));
}

}  // namespace
}  // namespace pillion::runtime
