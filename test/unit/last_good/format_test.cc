#include "source/last_good/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pillion/state/v1/last_good.pb.h"
#include "test/unit/xds/talk.h"

namespace pillion::last_good {
namespace {

using testing::HasSubstr;
using xds::Kind;
using Message = pillion::state::v1::LastGood;

const Owner kMe{"node", "mesh"};
const base::WallTime kNow{std::chrono::seconds(1'767'225'600)};

Kept KeptOf(const std::string& type, const std::string& name, const std::string& version) {
  return {version, std::make_shared<const google::protobuf::Any>(xds::Body(type, name, version))};
}

std::string Written(const Owner& owner = kMe) {
  std::string bytes;
  Writer writer(owner, kNow, [&bytes](std::string_view more) { bytes += more; });
  writer.Begin({"ads:cp", Kind::kClusters});
  writer.Add("a", KeptOf(xds::kClusters, "a", "1"));
  writer.Add("b", KeptOf(xds::kClusters, "b", "2"));
  writer.LeaveOut("c", "it is secret");
  writer.Begin({"ads:cp", Kind::kListeners});
  writer.Begin({"sds:agent", Kind::kSecrets});
  writer.Add("a", KeptOf(xds::kSecrets, "a", ""));
  writer.End();
  return bytes;
}

// A file with these bytes between its first line and its last.
std::string FileWith(const std::string& message) {
  std::string whole = "pillion last good 1\n" + message;
  identity::Sha256 digest;
  digest.Update(whole);
  return whole + "sha256 " + digest.Hex() + "\n";
}

std::string ErrorOf(const std::string& bytes, const Owner& owner = kMe) {
  const absl::StatusOr<State> state = Parse(bytes, owner);
  return state.ok() ? "none" : std::string(state.status().message());
}

TEST(FormatTest, WhatIsWrittenIsRead) {
  const absl::StatusOr<State> state = Parse(Written(), kMe);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->written, kNow);
  ASSERT_EQ(state->sections.size(), 3u);
  const Section& clusters = state->sections.at({"ads:cp", Kind::kClusters});
  EXPECT_EQ(clusters.kept.size(), 2u);
  EXPECT_EQ(clusters.kept.at("b").version, "2");
  EXPECT_EQ(clusters.kept.at("b").body->SerializeAsString(), xds::Body(xds::kClusters, "b", "2").SerializeAsString());
  EXPECT_EQ(clusters.left_out, (std::map<std::string, std::string, std::less<>>{{"c", "it is secret"}}));
  EXPECT_TRUE(state->sections.at({"ads:cp", Kind::kListeners}).kept.empty());  // there are none, which is something else
  EXPECT_EQ(state->sections.at({"sds:agent", Kind::kSecrets}).kept.at("a").version, "");
}

TEST(FormatTest, AByteThatIsAnotherIsFound) {
  const std::string good = Written();
  for (size_t i = 0; i < good.size(); ++i) {
    for (const int other : {good[i] ^ 1, good[i] ^ 0x20, good[i] ^ 0x80, 0}) {
      if (static_cast<char>(other) == good[i]) continue;
      std::string bad = good;
      bad[i] = static_cast<char>(other);
      const absl::StatusOr<State> state = Parse(bad, kMe);
      ASSERT_FALSE(state.ok()) << "byte " << i;
      ASSERT_EQ(absl::IsFailedPrecondition(state.status()), i < std::string("pillion last good 1\n").size()) << state.status();
    }
  }
}

TEST(FormatTest, WhatIsCutShortOrLongerIsFound) {
  const std::string good = Written();
  for (size_t size = 0; size < good.size(); ++size) ASSERT_NE(ErrorOf(good.substr(0, size)), "none") << size;
  EXPECT_EQ(ErrorOf(""), "is damaged: it is empty");
  EXPECT_EQ(ErrorOf(good.substr(0, 30)), "is damaged: it is cut short");
  EXPECT_EQ(ErrorOf(good.substr(0, good.size() - 1)), "is damaged: its checksum is not that of its bytes");
  EXPECT_EQ(ErrorOf(good + "\n"), "is damaged: its checksum is not that of its bytes");
  EXPECT_EQ(ErrorOf(good + good), "is damaged: its checksum is not that of its bytes");
}

TEST(FormatTest, WhatIsOfSomebodyElse) {
  EXPECT_EQ(ErrorOf(Written(), {"other", "mesh"}), "is of node \"node\" of cluster \"mesh\", expected \"other\" of \"mesh\"");
  EXPECT_EQ(ErrorOf(Written(), {"node", ""}), "is of node \"node\" of cluster \"mesh\", expected \"node\" of \"\"");
  EXPECT_EQ(ErrorOf("admin: {}\n"), "is no file of last good state");
  EXPECT_EQ(ErrorOf("pillion last good 2\nwhatever"), "is of format \"2\", expected 1");
  EXPECT_EQ(ErrorOf("pillion last good \x01"), "is of format \"\\001\", expected 1");
}

// With a checksum that is right.
TEST(FormatTest, WhatNobodyHasWritten) {
  EXPECT_EQ(ErrorOf(FileWith("\xff\xff")), "is damaged: bytes that are no message");
  Message message;
  message.set_node("node");
  message.set_cluster("mesh");
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "none");
  message.mutable_written()->set_seconds(INT64_MAX);
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "is damaged: it has no time");
  message.mutable_written()->set_seconds(253402300799);  // a good time elsewhere, and too late for a clock here
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "is damaged: it has no time");
  message.mutable_written()->set_seconds(-1);
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "is damaged: it has no time");
  message.clear_written();
  message.add_sections()->set_kind("a.b.C");
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "is damaged: a section of kind \"a.b.C\"");
  message.clear_sections();
  Message::Entry& entry = *message.add_entries();
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "is damaged: an entry of kind \"\"");
  entry.set_kind(xds::kClusters);
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "is damaged: an entry without a name");
  entry.set_name("a");
  EXPECT_THAT(ErrorOf(FileWith(message.SerializeAsString())), HasSubstr("an entry \"\", expected \"envoy.config.cluster"));
  *entry.mutable_body() = xds::Body(xds::kListeners, "a");
  EXPECT_THAT(ErrorOf(FileWith(message.SerializeAsString())), HasSubstr("listener.v3.Listener\", expected"));
  *entry.mutable_body() = xds::Body(xds::kClusters, "a");
  EXPECT_EQ(ErrorOf(FileWith(message.SerializeAsString())), "none");
}

}  // namespace
}  // namespace pillion::last_good
