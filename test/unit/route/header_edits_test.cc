#include "source/route/header_edits.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::route {
namespace {

using Action = config::AddedHeader::Action;

class HeaderEditsTest : public testing::Test {
 protected:
  HeaderEditsTest() {
    head_.method = "GET";
    head_.path = "/p";
    head_.headers.Add("x-a", "1");
    head_.headers.Add("accept", "a");
    head_.headers.Add("x-a", "2");
    head_.headers.Add("cookie", "c=1");
    record_.request = &head_;
  }

  void Add(const char* name, std::string_view value, Action action = Action::kAppend, bool keep_empty = false) {
    edits_.add.push_back({http::FieldName(name), *telemetry::TextFormat::Compile(value), action, keep_empty});
  }

  // The fields afterwards.
  std::string Apply() {
    ApplyHeaderEdits(edits_, record_, head_.headers);
    std::string text;
    for (const http::HeaderField& field : head_.headers) {
      text += std::string(field.name()) + "=" + std::string(field.value()) + ";";
    }
    return text;
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  http::RequestHead head_{arena_};
  telemetry::RequestRecord record_;
  config::HeaderEdits edits_;
};

TEST_F(HeaderEditsTest, RemovesFirst) {
  edits_.remove.emplace_back("X-A");
  edits_.remove.emplace_back("accept");
  edits_.remove.emplace_back("x-none");
  Add("x-a", "3");
  Add("x-b", "%REQ(x-a)%");
  EXPECT_EQ(Apply(), "cookie=c=1;x-a=3;");
}

TEST_F(HeaderEditsTest, Actions) {
  Add("x-a", "3", Action::kAddIfAbsent);
  Add("x-b", "4", Action::kAddIfAbsent);
  Add("x-b", "5", Action::kAddIfAbsent);  // as it was before
  Add("x-c", "6", Action::kOverwriteIfThere);
  Add("x-d", "7", Action::kOverwriteOrAdd);
  EXPECT_EQ(Apply(), "x-a=1;accept=a;x-a=2;cookie=c=1;x-d=7;x-b=4;x-b=5;");
}

TEST_F(HeaderEditsTest, OverwritesAllOfAName) {
  Add("x-a", "%REQ(x-a)%+", Action::kOverwriteIfThere);
  Add("x-z", "%REQ(x-a)%");
  EXPECT_EQ(Apply(), "accept=a;cookie=c=1;x-a=1+;x-z=1;");
}

TEST_F(HeaderEditsTest, AppendsToWhatIsAList) {
  Add("accept", "b");
  Add("accept", "c");
  Add("cookie", "d=2");
  Add("x-a", "3");
  EXPECT_EQ(Apply(), "x-a=1;accept=a,b,c;x-a=2;cookie=c=1;cookie=d=2;x-a=3;");
}

TEST_F(HeaderEditsTest, EmptyValues) {
  Add("x-b", "%REQ(x-none)%");
  Add("x-c", "%REQ(x-none)%", Action::kAppend, true);
  Add("x-a", "", Action::kOverwriteOrAdd);
  EXPECT_EQ(Apply(), "x-a=1;accept=a;x-a=2;cookie=c=1;x-c=;");
}

TEST_F(HeaderEditsTest, NothingThatIsNoValue) {
  record_.local_reply_body = "two\r\nlines: x";
  record_.route_name = " padded ";
  Add("x-b", "%LOCAL_REPLY_BODY%");
  Add("x-c", "%ROUTE_NAME%");
  EXPECT_EQ(Apply(), "x-a=1;accept=a;x-a=2;cookie=c=1;x-c=padded;");
}

}  // namespace
}  // namespace pillion::route
