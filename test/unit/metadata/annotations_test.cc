#include "source/metadata/annotations.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::metadata {
namespace {

class AnnotationsTest : public ::testing::Test {
 protected:
  std::string Json(std::string_view space) {
    std::string out;
    metadata_.AppendJson(out, space);
    return out;
  }

  base::BlockPool pool_;
  base::Arena arena_{pool_};
  DynamicMetadata metadata_;
  FilterState state_;
};

TEST_F(AnnotationsTest, LaterValuesTakeThePlaceOfEarlierOnes) {
  EXPECT_TRUE(metadata_.Set(arena_, "a", "k", Value::Text("one")));
  EXPECT_TRUE(metadata_.Set(arena_, "a", "n", Value::Number(2.5)));
  EXPECT_TRUE(metadata_.Set(arena_, "b", "k", Value::Flag(true)));
  EXPECT_TRUE(metadata_.Set(arena_, "a", "k", Value::Text("\"two\"")));
  EXPECT_EQ(metadata_.Find("a", "k")->text, "\"two\"");
  EXPECT_EQ(metadata_.Find("a", "none"), nullptr);
  EXPECT_EQ(metadata_.Find("c", "k"), nullptr);
  EXPECT_TRUE(metadata_.Has("b"));
  EXPECT_FALSE(metadata_.Has("c"));
  EXPECT_EQ(Json("a"), R"({"k":"\"two\"","n":2.5})");
  EXPECT_EQ(Json("b"), R"({"k":true})");
  EXPECT_EQ(Json("c"), "{}");
}

// What was written does not depend on what it was written from.
TEST_F(AnnotationsTest, KeepsCopies) {
  std::string text = "text";
  const Member members[] = {{text, Value::Text(text)}, {"n", Value::Number(3)}};
  const Value object{.kind = Value::Kind::kObject, .size = 2, .members = members};
  EXPECT_TRUE(metadata_.Set(arena_, text, text, object));
  text = "gone";
  EXPECT_EQ(Json("text"), R"({"text":{"text":"text","n":3}})");
  const Value* const found = metadata_.Find("text", "text");
  EXPECT_EQ(Find(*found, "n")->number, 3);
  EXPECT_EQ(Find(*found, "else"), nullptr);
  EXPECT_EQ(Find(*Find(*found, "n"), "n"), nullptr);
}

// Who writes something else does not ask for it.
TEST_F(AnnotationsTest, NotesLaterWhatIsAskedFor) {
  struct Notes : LaterNotes {
    void Note(base::Arena& arena, DynamicMetadata& metadata) override {
      ++calls;
      EXPECT_TRUE(metadata.SetKept(arena, "later", "k", Value::Number(calls)));
    }
    int calls = 0;
  } notes;
  metadata_.SetLater(arena_, "later", notes);
  EXPECT_TRUE(metadata_.Set(arena_, "a", "k", Value::Text("one")));
  EXPECT_FALSE(metadata_.Has("b"));
  EXPECT_EQ(notes.calls, 0);
  EXPECT_TRUE(metadata_.Has("later"));
  EXPECT_EQ(metadata_.Find("later", "k")->number, 1);
  EXPECT_EQ(Json("later"), R"({"k":1})");
  EXPECT_EQ(notes.calls, 1);
}

// Each in its turn, and before what is copied there.
TEST_F(AnnotationsTest, SeveralNoteLater) {
  struct Notes : LaterNotes {
    explicit Notes(std::string_view space, std::string_view text) : space(space), text(text) {}
    void Note(base::Arena& arena, DynamicMetadata& metadata) override {
      EXPECT_TRUE(metadata.SetKept(arena, space, "k", Value::Text(text)));
      EXPECT_TRUE(metadata.SetKept(arena, space, text, Value::Flag(true)));
    }
    const std::string_view space;
    const std::string_view text;
  } first("a", "one"), other("b", "other"), second("a", "two"), third("a", "three");
  metadata_.SetLater(arena_, "a", first);
  metadata_.SetLater(arena_, "b", other);
  metadata_.SetLater(arena_, "a", second);
  EXPECT_EQ(Json("c"), "{}");
  EXPECT_EQ(Json("a"), R"({"k":"two","one":true,"two":true})");
  metadata_.SetLater(arena_, "a", third);
  EXPECT_EQ(metadata_.Find("a", "k")->text, "three");
  EXPECT_TRUE(metadata_.Set(arena_, "b", "k", Value::Text("mine")));
  EXPECT_EQ(Json("b"), R"({"k":"mine","other":true})");
}

TEST_F(AnnotationsTest, KeepsViewsOfWhatOutlivesIt) {
  static const std::string text = "a text that is not copied";
  EXPECT_TRUE(metadata_.SetKept(arena_, "s", text, Value::Text(text)));
  EXPECT_EQ(metadata_.Find("s", text)->text.data(), text.data());
  EXPECT_TRUE(metadata_.Set(arena_, "s", text, Value::Text("one that is")));
  EXPECT_TRUE(metadata_.SetKept(arena_, "s", "n", Value::Flag(true)));
  EXPECT_TRUE(metadata_.SetKept(arena_, "s", "n", Value::Flag(false)));
  EXPECT_EQ(Json("s"), R"({"a text that is not copied":"one that is","n":false})");
  size_t written = 0;
  while (metadata_.SetKept(arena_, "s", "n", Value())) ++written;
  EXPECT_LT(written * sizeof(Value), DynamicMetadata::kMostBytes);
}

TEST_F(AnnotationsTest, Values) {
  std::string out;
  const Member members[] = {{"", Value()}, {"", Value::Flag(false)}, {"", Value::Number(-1e300)}, {"", Value::Number(12)}};
  AppendJson(out, {.kind = Value::Kind::kList, .size = 4, .members = members});
  EXPECT_EQ(out, "[null,false,-1e+300,12]");
}

TEST_F(AnnotationsTest, MetadataIsBounded) {
  const std::string large(DynamicMetadata::kMostBytes / 2, 'x');
  EXPECT_TRUE(metadata_.Set(arena_, "a", "k", Value::Text(large)));
  EXPECT_FALSE(metadata_.Set(arena_, "a", "k", Value::Text(large)));
  EXPECT_EQ(metadata_.Find("a", "k")->text.size(), large.size());
  size_t written = 1;
  while (metadata_.Set(arena_, "b", std::to_string(written), Value())) ++written;
  EXPECT_EQ(written, DynamicMetadata::kMostEntries);
}

TEST_F(AnnotationsTest, FilterState) {
  EXPECT_EQ(state_.Find("a"), nullptr);
  EXPECT_TRUE(state_.Set(arena_, "a", "1", false));
  EXPECT_TRUE(state_.Set(arena_, "a", "2", true, "[2]"));
  EXPECT_FALSE(state_.Set(arena_, "a", "3", false));
  EXPECT_EQ(state_.Find("a")->text, "2");
  EXPECT_EQ(state_.Find("a")->json, "[2]");
  EXPECT_FALSE(state_.Set(arena_, "b", std::string(FilterState::kMostBytes, 'x'), false));
  size_t written = 1;
  while (state_.Set(arena_, std::to_string(written), "", false)) ++written;
  EXPECT_EQ(written, FilterState::kMostEntries);
}

}  // namespace
}  // namespace pillion::metadata
