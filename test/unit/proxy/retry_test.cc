// Which ends and answers a retry policy wants to be tried again, how often, and after how long.

#include "source/config/route.h"
#include "source/proxy/retry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "source/base/arena.h"
#include "source/stats/registry.h"

namespace pillion::proxy {
namespace {

using std::chrono::milliseconds;

class RetryTest : public testing::Test {
 protected:
  http::ResponseHead& Answer(int status, std::string_view field = "", std::string_view value = "") {
    auto* head = arena_.New<http::ResponseHead>(arena_);
    head->status = status;
    if (!field.empty()) head->headers.Add(field, value);
    return *head;
  }
  // What `policy_` says now, until it is asked for once more.
  const RequestTerms& Terms() {
    terms_ = {.retry_on = policy_.retry_on, .num_retries = policy_.num_retries, .policy = &policy_};
    return terms_;
  }
  // The conditions under which it is tried again.
  uint32_t After(AttemptEnd end) {
    uint32_t conditions = 0;
    for (uint32_t bit = 1; bit <= config::kRetryOnRetriableHeaders; bit <<= 1) {
      policy_.retry_on = bit;
      if (Retry(Terms()).AfterEnd(end, breaker_, stats_)) conditions |= bit;
    }
    return conditions;
  }
  uint32_t After(const http::ResponseHead& head) {
    uint32_t conditions = 0;
    for (uint32_t bit = 1; bit <= config::kRetryOnRetriableHeaders; bit <<= 1) {
      policy_.retry_on = bit;
      if (Retry(Terms()).AfterResponse(head, {}, breaker_, stats_)) conditions |= bit;
    }
    return conditions;
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  base::Random random_{1};
  config::RetryPolicy policy_;
  RequestTerms terms_;
  upstream::Breakers limits_{{}};  // 3 retries
  upstream::RetryBreaker& breaker_ = limits_.retries;
  stats::Registry registry_{1};
  const std::array<upstream::Breakers, 2> breakers_{upstream::Breakers({}), upstream::Breakers({})};
  upstream::ClusterStatIds ids_{registry_, "app", breakers_};
  upstream::ClusterStats stats_{ids_, registry_.shard(0)};
};

TEST_F(RetryTest, EndsWithoutAnAnswer) {
  const uint32_t any = config::kRetryOn5xx | config::kRetryOnGatewayError | config::kRetryOnReset;
  EXPECT_EQ(After(AttemptEnd::kOverflow), 0u);
  EXPECT_EQ(After(AttemptEnd::kConnectFailed),
            any | config::kRetryOnConnectFailure | config::kRetryOnResetBeforeRequest);
  EXPECT_EQ(After(AttemptEnd::kRefused), any | config::kRetryOnRefusedStream | config::kRetryOnResetBeforeRequest);
  EXPECT_EQ(After(AttemptEnd::kReset), any);
  EXPECT_EQ(After(AttemptEnd::kTimeout), any);
}

TEST_F(RetryTest, Answers) {
  policy_.retriable_status_codes = {404, 503};
  EXPECT_EQ(After(Answer(200)), 0u);
  EXPECT_EQ(After(Answer(404)), config::kRetryOnRetriableStatusCodes);
  EXPECT_EQ(After(Answer(409)), config::kRetryOnRetriable4xx);
  EXPECT_EQ(After(Answer(500)), config::kRetryOn5xx);
  EXPECT_EQ(After(Answer(502)), config::kRetryOn5xx | config::kRetryOnGatewayError);
  EXPECT_EQ(After(Answer(503)), config::kRetryOn5xx | config::kRetryOnGatewayError |
                                    config::kRetryOnRetriableStatusCodes);
  EXPECT_EQ(After(Answer(429, "x-envoy-ratelimited", "true")), config::kRetryOnEnvoyRatelimited);
  EXPECT_EQ(After(Answer(503, "x-envoy-ratelimited", "true")), config::kRetryOnEnvoyRatelimited);
  EXPECT_EQ(After(Answer(200, "grpc-status", "0")), 0u);
  EXPECT_EQ(After(Answer(200, "grpc-status", "1")), config::kRetryOnGrpcCancelled);
  EXPECT_EQ(After(Answer(200, "grpc-status", "4")), config::kRetryOnGrpcDeadlineExceeded);
  EXPECT_EQ(After(Answer(200, "grpc-status", "8")), config::kRetryOnGrpcResourceExhausted);
  EXPECT_EQ(After(Answer(200, "grpc-status", "13")), config::kRetryOnGrpcInternal);
  EXPECT_EQ(After(Answer(200, "grpc-status", "14")), config::kRetryOnGrpcUnavailable);
}

// num_retries, within what the breaker has.
TEST_F(RetryTest, AsOftenAsAllowed) {
  policy_.retry_on = config::kRetryOnReset;
  policy_.num_retries = 2;
  Retry first(Terms());
  EXPECT_TRUE(first.AfterEnd(AttemptEnd::kReset, breaker_, stats_));
  EXPECT_TRUE(first.AfterEnd(AttemptEnd::kReset, breaker_, stats_));
  EXPECT_FALSE(first.exhausted());
  EXPECT_FALSE(first.AfterEnd(AttemptEnd::kReset, breaker_, stats_));
  EXPECT_TRUE(first.exhausted());
  EXPECT_EQ(breaker_.used(), 1u);

  upstream::Breakers none({.max_retries = 0});
  Retry second(Terms());
  EXPECT_FALSE(second.AfterEnd(AttemptEnd::kReset, none.retries, stats_));
  EXPECT_FALSE(second.exhausted());

  policy_.num_retries = 0;
  Retry third(Terms());
  EXPECT_FALSE(third.AfterEnd(AttemptEnd::kReset, breaker_, stats_));
  EXPECT_TRUE(third.exhausted());
}

// Between nothing and (2^n - 1) times the base, at most the maximum, for the n-th try.
// Beside an attempt that takes too long another one is made, whatever the conditions are, as long as there are any.
TEST_F(RetryTest, AfterLateness) {
  Retry without(Terms());
  EXPECT_FALSE(without.AfterLateness(breaker_, stats_));
  EXPECT_FALSE(without.exhausted());
  policy_.retry_on = config::kRetryOnGrpcCancelled;
  Retry retry(Terms());
  EXPECT_TRUE(retry.AfterLateness(breaker_, stats_));
  EXPECT_EQ(breaker_.used(), 1u);
  EXPECT_FALSE(retry.AfterLateness(breaker_, stats_));
  EXPECT_TRUE(retry.exhausted());
  EXPECT_TRUE(retry.Wants(Answer(200, "grpc-status", "1")));
  EXPECT_FALSE(retry.Wants(Answer(503)));
  retry.OnAnswer(stats_, false);
  EXPECT_EQ(breaker_.used(), 0u);
}

TEST_F(RetryTest, BackOff) {
  policy_.retry_on = config::kRetryOnReset;
  policy_.num_retries = 10;
  policy_.back_off_base = milliseconds(10);
  policy_.back_off_max = milliseconds(100);
  Retry retry(Terms());
  for (const int bound : {10, 30, 70, 100, 100}) {
    ASSERT_TRUE(retry.AfterEnd(AttemptEnd::kReset, breaker_, stats_));
    base::Duration longest{0};
    base::Duration shortest = std::chrono::hours(1);
    for (int i = 0; i < 1000; ++i) {
      const base::Duration delay = retry.Delay(random_);
      longest = std::max(longest, delay);
      shortest = std::min(shortest, delay);
    }
    EXPECT_LE(longest, milliseconds(bound));
    EXPECT_GT(longest, milliseconds(bound) * 9 / 10);
    EXPECT_LT(shortest, milliseconds(bound) / 10);
  }
}

// And up to half as long again, by chance; as usual where that is too long, or was told of another answer.
TEST_F(RetryTest, WaitsAsTold) {
  policy_.retry_on = config::kRetryOn5xx;
  policy_.num_retries = 10;
  policy_.rate_limited = config::RateLimitedBackOff{
      .headers = {{http::FieldName("retry-after")}, {http::FieldName("x-reset"), true}}, .max = std::chrono::seconds(100)};
  Retry retry(Terms());
  const base::WallTime now{std::chrono::seconds(1'000'000)};
  const auto delay_after = [&](std::string_view name, std::string_view value) {
    EXPECT_TRUE(retry.AfterResponse(Answer(503, name, value), now, breaker_, stats_));
    return retry.Delay(random_);
  };
  for (const auto& [name, value] : {std::pair("retry-after", "100"), std::pair("x-reset", "1000100")}) {
    const base::Duration delay = delay_after(name, value);
    EXPECT_GE(delay, std::chrono::seconds(100)) << name;
    EXPECT_LE(delay, std::chrono::seconds(150)) << name;
  }
  for (const auto& [name, value] : {std::pair("retry-after", "101"), std::pair("x-reset", "1000101"),
                                    std::pair("x-reset", "999999"), std::pair("retry-after", "Wed, 21 Oct 2015"),
                                    std::pair("retry-after", "99999999999999999999")}) {
    EXPECT_LE(delay_after(name, value), milliseconds(250)) << name << ": " << value;
  }
  EXPECT_EQ(stats_.upstream_rq_retry_backoff_ratelimited.value(), 2u);
  delay_after("retry-after", "1");
  EXPECT_TRUE(retry.AfterEnd(AttemptEnd::kReset, breaker_, stats_));
  EXPECT_LE(retry.Delay(random_), milliseconds(250));
}

TEST_F(RetryTest, AnswersWithCertainFields) {
  policy_.retriable_headers.emplace_back(http::FieldName("x-again"), match::Present{});
  EXPECT_EQ(After(Answer(200, "x-again", "1")), config::kRetryOnRetriableHeaders);
  EXPECT_EQ(After(Answer(200, "x-other", "1")), 0u);
  // Of who limits rates only that counts.
  EXPECT_EQ(After(Answer(503, "x-envoy-ratelimited", "true")), config::kRetryOnEnvoyRatelimited);
}

}  // namespace
}  // namespace pillion::proxy
