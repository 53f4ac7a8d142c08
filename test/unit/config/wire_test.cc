// Messages as bytes.

#include "source/config/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envoy/config/route/v3/route.pb.h"

namespace pillion::config {
namespace {

using ::testing::ElementsAre;
using RoutesMessage = envoy::config::route::v3::RouteConfiguration;

constexpr uint32_t kHosts = RoutesMessage::kVirtualHostsFieldNumber;

TEST(WireTest, ElementsAndTheRest) {
  RoutesMessage message;
  message.set_name("r");
  message.add_virtual_hosts()->set_name("a");
  message.add_virtual_hosts();
  message.add_virtual_hosts()->set_name("b");
  message.set_ignore_port_in_host_matching(true);
  message.mutable_max_direct_response_body_size_bytes()->set_value(5);
  const std::string bytes = message.SerializeAsString();
  const std::optional<SplitMessage> split = SplitElements(bytes, kHosts);
  ASSERT_TRUE(split);
  EXPECT_THAT(split->elements, ElementsAre(message.virtual_hosts(0).SerializeAsString(), "", message.virtual_hosts(2).SerializeAsString()));
  message.clear_virtual_hosts();
  EXPECT_EQ(split->rest, message.SerializeAsString());
  EXPECT_EQ(TextField(bytes, 1), "r");
  EXPECT_EQ(TextField(bytes, 3), "");

  ASSERT_TRUE(SplitElements("", kHosts));
  EXPECT_TRUE(SplitElements("", kHosts)->elements.empty());
}

// Whatever it is: taken apart as protobuf would parse it, or not at all.
TEST(WireTest, BrokenBytes) {
  RoutesMessage message;
  message.set_name("r");
  message.add_virtual_hosts()->set_name("a");
  message.GetReflection()->MutableUnknownFields(&message)->AddFixed64(100, 1);
  message.GetReflection()->MutableUnknownFields(&message)->AddGroup(101)->AddVarint(1, 1);
  const std::string bytes = message.SerializeAsString();
  for (size_t size = 0; size <= bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    RoutesMessage parsed;
    EXPECT_EQ(SplitElements(cut, kHosts).has_value() , parsed.ParseFromString(cut)) << size;
    for (size_t at = 0; at < size; ++at) {
      std::string changed = cut;
      changed[at] = static_cast<char>(changed[at] ^ 0x80);
      const auto split = SplitElements(changed, kHosts);
      if (!split) continue;
      size_t total = split->rest.size();
      for (const std::string_view element : split->elements) total += element.size();
      EXPECT_LE(total, changed.size());
    }
  }
}

TEST(WireTest, EqualElementsAreFoundWhereverTheyAre) {
  const std::vector<std::string_view> list = {"a", "b", "c", "d"};
  EqualElements equal(list);
  EXPECT_EQ(equal.Find("a"), 0u);
  EXPECT_EQ(equal.Find("x"), std::nullopt);  // in the place of b
  EXPECT_EQ(equal.Find("c"), 2u);
  EXPECT_EQ(equal.Find("b"), 1u);
  EXPECT_EQ(equal.Find("d"), 3u);
  EXPECT_EQ(equal.Find("d"), 3u);
  EXPECT_EQ(equal.Find("e"), std::nullopt);
  const std::vector<std::string_view> none;
  EXPECT_EQ(EqualElements(none).Find("a"), std::nullopt);
}

}  // namespace
}  // namespace pillion::config
