// What answers say of the host that they come from.

#include <gtest/gtest.h>

#include "source/proxy/upstream_request.h"

namespace pillion::proxy {
namespace {

class OutlierStatusTest : public testing::Test {
 protected:
  int Of(int status, std::string_view grpc_status = "") {
    http::ResponseHead answer(arena_);
    answer.status = status;
    if (!grpc_status.empty()) answer.headers.Add("grpc-status", grpc_status);
    return OutlierStatus(cluster_, request_, answer);
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  config::Cluster cluster_;
  http::RequestHead request_{arena_};
};

TEST_F(OutlierStatusTest, TheStatusItself) {
  EXPECT_EQ(Of(200), 200);
  EXPECT_EQ(Of(503), 503);
  EXPECT_EQ(Of(200, "14"), 200);  // gRPC was not asked for
  request_.headers.Add("content-type", "application/grpc");
  EXPECT_EQ(Of(200, "14"), 503);
}

// Where a matcher says what an error is the status says nothing more, but for which error it is.
TEST_F(OutlierStatusTest, AnswersThatAreErrors) {
  std::vector<match::HeaderMatcher> fields;
  fields.emplace_back(http::FieldName(":status"), match::Range{.begin = 400, .end = 504});
  cluster_.http.errors = std::make_shared<const match::AnswerMatcher>(std::move(fields));
  EXPECT_EQ(Of(200), 200);
  EXPECT_EQ(Of(302), 200);
  EXPECT_EQ(Of(404), 500);
  EXPECT_EQ(Of(503), 503);
  EXPECT_EQ(Of(504), 200);
}

}  // namespace
}  // namespace pillion::proxy
