#include "source/telemetry/text_format.h"

#include <gtest/gtest.h>

#include "source/base/block.h"

namespace pillion::telemetry {
namespace {

class TextFormatTest : public testing::Test {
 protected:
  TextFormatTest() {
    request_.method = "GET";
    request_.path = "/a?b=c";
    request_.headers.Add("x-a", "a value");
    record_.request = &request_;
    record_.response_code = 200;
  }

  std::string Text(std::string_view format, std::string_view missing = "") {
    std::string scratch;
    return std::string(TextFormat::Compile(format)->Evaluate(record_, missing, arena_, scratch));
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  http::RequestHead request_{arena_};
  RequestRecord record_;
};

TEST_F(TextFormatTest, IsWhatTheRecordSays) {
  EXPECT_EQ(Text(""), "");
  EXPECT_EQ(Text("constant"), "constant");
  EXPECT_EQ(Text("100%%"), "100%");
  EXPECT_EQ(Text("%REQ(x-a)%"), "a value");
  EXPECT_EQ(Text("<%REQ(x-a):3%|%RESPONSE_CODE%>"), "<a v|200>");
  EXPECT_EQ(Text("%QUERY_PARAM(b)%"), "c");
  EXPECT_EQ(Text("%RESPONSE_FLAGS%"), "-");  // from the scratch text
}

TEST_F(TextFormatTest, MissingValues) {
  EXPECT_EQ(Text("%REQ(x-b)%"), "");
  EXPECT_EQ(Text("%REQ(x-b)%,%ROUTE_NAME%", "-"), "-,-");
  EXPECT_EQ(Text("%REQ(x-b?x-a)%", "-"), "a value");
}

TEST_F(TextFormatTest, AConstantIsNotCopied) {
  const size_t before = arena_.bytes_taken();
  EXPECT_EQ(Text("a constant that is longer than a string holds in place"), "a constant that is longer than a string holds in place");
  EXPECT_EQ(arena_.bytes_taken(), before);
}

TEST_F(TextFormatTest, SaysWhatIsWrong) {
  EXPECT_EQ(TextFormat::Compile("a%").status().message(),
            "byte 1: expected %OPERATOR%, %OPERATOR(argument)%, either with :length before the last %, or %% for a "
            "percent sign");
  EXPECT_EQ(TextFormat::Compile("%NOPE%").status().message(), "byte 0: unknown operator %NOPE%");
}

}  // namespace
}  // namespace pillion::telemetry
