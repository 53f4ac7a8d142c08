// A worker that logs allocates nothing once its strings are warm.

#include <gtest/gtest.h>

#include "source/telemetry/access_log.h"
#include "source/telemetry/record_attributes.h"
#include "test/support/counted_memory.h"

namespace pillion::telemetry {
namespace {

void ExpectNoAllocation(LogSettings config) {
  stats::Registry stats(1);
  LogWriter writer(stats, std::chrono::hours(1));
  config.sink = FileLogSink{"/dev/null"};
  std::vector<std::string> errors;
  const std::unique_ptr<AccessLog> log = AccessLog::Create(config, writer, errors);
  ASSERT_NE(log, nullptr) << errors.at(0);
  base::BlockPool pool;
  base::Arena arena(pool);
  http::RequestHead request(arena);
  request.method = "GET";
  request.path = "/a/path/that/is/longer/than/a/small/string";
  request.headers.Add("user-agent", "an agent that is longer than a small string");
  RequestRecord record;
  record.request = &request;
  record.response_flags = ResponseFlag::kUpstreamRequestTimeout;
  for (int i = 0; i < 3; ++i) log->Log(0, record);
  const size_t before = test::Allocations();
  for (int i = 0; i < 1000; ++i) log->Log(0, record);
  EXPECT_EQ(test::Allocations(), before);
}

TEST(Allocation, DefaultLine) {
  ExpectNoAllocation({});
}

TEST(Allocation, Json) {
  LogSettings config;
  config.format = JsonLogFormat{{JsonFormat::Object{
      {"agent", {"%REQ(USER-AGENT)%"}}, {"flags", {"%RESPONSE_FLAGS_LONG%"}}, {"time", {"at %START_TIME%"}}}}};
  ExpectNoAllocation(config);
}

TEST(Allocation, Expressions) {
  LogSettings config;
  config.format = JsonLogFormat{{JsonFormat::Object{
      {"agent", {"%CEL(request.headers['user-agent'] + ', ' + request.path)%"}},
      {"names", {"%TYPED_CEL([request.method, request.path, response.code == 200])%"}}}}};
  const auto program = CompileForRecords("request.headers.exists(n, n == 'user-agent') && request.method == 'GET'");
  ASSERT_TRUE(program.ok()) << program.status();
  config.filter = std::make_shared<RecordFilter>(record::Expression{*program});
  ExpectNoAllocation(config);
}

}  // namespace
}  // namespace pillion::telemetry
