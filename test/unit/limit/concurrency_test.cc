#include "source/limit/concurrency.h"

#include <gtest/gtest.h>

#include "test/unit/limit/service_model.h"

namespace pillion::limit {
namespace {

using namespace std::chrono_literals;

constexpr base::MonotonicTime kStart{1000s};
constexpr ConcurrencyEstimate::Terms kUsual;

// Of the most that a service can do, `part`; a tenth of it is of the high class.
Demand Load(const ServiceModel& service, double seconds, double part) {
  const double rate = part * service.concurrency / seconds;
  return {.rates = {0, 0.1 * rate, 0.9 * rate, 0}};
}

// Of the most that could be served.
double Goodput(const ServiceModel& service, double service_time, double seconds) {
  return static_cast<double>(service.served()) * service_time / (service.concurrency * seconds);
}

TEST(ConcurrencyLimit, SaysWhatItExpects) {
  EXPECT_EQ(ConcurrencyEstimate::WhatIsWrong({}), nullptr);
  EXPECT_STREQ(ConcurrencyEstimate::WhatIsWrong({.least = 0}), "a least limit of 1 to 1000000");
  EXPECT_STREQ(ConcurrencyEstimate::WhatIsWrong({.initial = 20, .least = 3, .most = 2}),
               "a highest limit between the least one and 1000000");
  EXPECT_STREQ(ConcurrencyEstimate::WhatIsWrong({.initial = 2}), "an initial limit between the least and the highest");
  EXPECT_STREQ(ConcurrencyEstimate::WhatIsWrong({.window = 0s}), "a window of 1 ms to 1 min");
}

TEST(ConcurrencyLimit, LetsNoMoreBeInFlightThanTheLimit) {
  ConcurrencyLimit limit({.initial = 4});
  std::vector<ConcurrencyLimit::Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(limit.Admit(Priority::kNormal, kStart).value());
  EXPECT_FALSE(limit.Admit(Priority::kNormal, kStart));
  EXPECT_FALSE(limit.Admit(Priority::kCritical, kStart));
  EXPECT_EQ(limit.figures().in_flight, 4u);
  for (const auto outcome : {ConcurrencyLimit::Outcome::kAnswered, ConcurrencyLimit::Outcome::kAbandoned,
                             ConcurrencyLimit::Outcome::kUnknown}) {
    limit.End(tickets.back(), outcome, 1ms, kStart);
    tickets.pop_back();
  }
  EXPECT_EQ(limit.figures().in_flight, 1u);
  EXPECT_EQ(limit.figures().limit, 4u);
  EXPECT_TRUE(limit.Admit(Priority::kNormal, kStart));
}

TEST(ConcurrencyLimit, KeepsRoomForAClassThatHasCome) {
  ConcurrencyLimit limit({.initial = 4});
  const auto high = limit.Admit(Priority::kHigh, kStart);
  limit.End(*high, ConcurrencyLimit::Outcome::kUnknown, 0s, kStart);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.Admit(Priority::kNormal, kStart)) << i;
  EXPECT_FALSE(limit.Admit(Priority::kNormal, kStart));
  EXPECT_FALSE(limit.Admit(Priority::kLow, kStart));
  EXPECT_TRUE(limit.Admit(Priority::kHigh, kStart));
  EXPECT_FALSE(limit.Admit(Priority::kHigh, kStart));
}

TEST(ConcurrencyLimit, AdmitsOneOfTheLowestClassWhereNothingElseIsInFlight) {
  ConcurrencyLimit limit({.initial = 1, .least = 1});
  limit.End(*limit.Admit(Priority::kCritical, kStart), ConcurrencyLimit::Outcome::kUnknown, 0s, kStart);
  EXPECT_TRUE(limit.Admit(Priority::kLow, kStart));
  EXPECT_FALSE(limit.Admit(Priority::kCritical, kStart));
}

struct Learns {
  int concurrency;
  double service_time;
  bool even;  // all take the same time; else exponentially distributed
  double least, most;
};

class LearnsTest : public testing::TestWithParam<Learns> {};

// Asked for twice what it can do, from a start that knows nothing.
TEST_P(LearnsTest, TheConcurrencyOfAService) {
  const Learns& learns = GetParam();
  ConcurrencyLimit limit(kUsual);
  const auto time = learns.even ? ServiceModel::Fixed : ServiceModel::Exponential;
  ServiceModel service(limit, learns.concurrency, time(learns.service_time), 7);
  service.demand = Load(service, learns.service_time, 2);
  service.Run(25);
  service.Run(15);
  EXPECT_GE(service.least_limit, learns.least) << service.trace();
  EXPECT_LE(service.most_limit, learns.most) << service.trace();
  EXPECT_GE(Goodput(service, learns.service_time, 15), 0.95) << service.trace();
}

INSTANTIATE_TEST_SUITE_P(Services, LearnsTest,
                         testing::Values(Learns{4, 0.002, true, 6, 20}, Learns{20, 0.005, true, 22, 38},
                                         Learns{20, 0.01, true, 22, 38}, Learns{20, 0.1, true, 20, 45},
                                         Learns{50, 0.01, true, 52, 80}, Learns{200, 0.01, true, 200, 260},
                                         Learns{20, 0.005, false, 18, 60}, Learns{50, 0.01, false, 40, 110},
                                         Learns{200, 0.01, false, 160, 330}));

struct Irregular {
  int concurrency;
  double service_time;
};

class IrregularTest : public testing::TestWithParam<Irregular> {};

// A few quick answers in a row are no sign that none takes long: the limit neither falls to nothing, nor rises for ever.
TEST_P(IrregularTest, LatenciesAreLearnedFromEnoughOfThem) {
  const Irregular& irregular = GetParam();
  for (const uint64_t seed : {7, 11, 13}) {
    ConcurrencyLimit limit(kUsual);
    ServiceModel service(limit, irregular.concurrency, ServiceModel::Irregular(irregular.service_time), seed);
    service.demand = Load(service, irregular.service_time, 2);
    service.Run(180);
    service.Run(120);
    EXPECT_GE(service.least_limit, 0.5 * irregular.concurrency) << service.trace();
    EXPECT_LE(service.most_limit, 3 * irregular.concurrency + 10) << service.trace();
    EXPECT_GE(Goodput(service, irregular.service_time, 120), 0.65) << service.trace();
  }
}

INSTANTIATE_TEST_SUITE_P(Services, IrregularTest,
                         testing::Values(Irregular{10, 0.05}, Irregular{40, 0.05}, Irregular{10, 0.1}, Irregular{40, 0.1},
                                         Irregular{10, 0.2}, Irregular{40, 0.2}, Irregular{40, 0.4}));

// Where it is known how long one takes that does not wait, nothing is learned of that, and nobody makes way for it.
TEST(ConcurrencyLimit, MayKnowTheUnloadedLatency) {
  EXPECT_STREQ(ConcurrencyEstimate::WhatIsWrong({.unloaded = -1ns}), "an unloaded latency of at most 1 min");
  for (const auto known : {5ms, 10ms}) {
    ConcurrencyLimit limit({.unloaded = known});
    ServiceModel service(limit, 20, ServiceModel::Fixed(0.005), 7);
    service.demand = Load(service, 0.005, 2);
    service.Run(25);
    service.Run(15);
    EXPECT_EQ(limit.figures().unloaded_latency, known);
    EXPECT_GE(Goodput(service, 0.005, 15), 0.95) << service.trace();
    // What takes 10 ms where 5 are enough waits as long as it takes: twice as many are let in.
    EXPECT_GE(service.least_limit, known == 5ms ? 20 : 36) << service.trace();
    EXPECT_LE(service.most_limit, known == 5ms ? 38 : 70) << service.trace();
  }
}

TEST(ConcurrencyLimit, RefusesHardlyAnybodyBelowOverload) {
  for (const bool even : {true, false}) {
    ConcurrencyLimit limit(kUsual);
    ServiceModel service(limit, 20, even ? ServiceModel::Fixed(0.01) : ServiceModel::Exponential(0.01), 3);
    service.demand = Load(service, 0.01, 0.8);
    service.Run(10);
    service.Run(60);
    EXPECT_LE(service.of(Priority::kHigh).refused_part(), 0.001) << service.trace();
    EXPECT_LE(service.of(Priority::kNormal).refused_part(), 0.012) << service.trace();
  }
}

TEST(ConcurrencyLimit, RecoversFromASlowPhase) {
  ConcurrencyLimit limit(kUsual);
  ServiceModel service(limit, 20, ServiceModel::Fixed(0.005), 11);
  service.demand = Load(service, 0.005, 2);
  service.Run(20);
  service.service_time = ServiceModel::Fixed(0.05);
  service.Run(5);
  EXPECT_GE(service.least_limit, kUsual.least) << service.trace();
  service.service_time = ServiceModel::Fixed(0.005);
  service.Run(5);
  service.Run(10);
  EXPECT_GE(Goodput(service, 0.005, 10), 0.95) << service.trace();
  service.Run(20);
  service.Run(10);
  EXPECT_LE(service.most_limit, 45) << service.trace();
}

// A service that becomes slower for good does not take fewer at once.
TEST(ConcurrencyLimit, LearnsThatAServiceTakesLongerNow) {
  ConcurrencyLimit limit(kUsual);
  ServiceModel service(limit, 20, ServiceModel::Fixed(0.002), 5);
  service.demand = Load(service, 0.002, 2);
  service.Run(20);
  service.service_time = ServiceModel::Fixed(0.01);
  service.demand = Load(service, 0.01, 2);
  service.Run(15);
  service.Run(10);
  EXPECT_GE(service.least_limit, 20) << service.trace();
  EXPECT_GE(Goodput(service, 0.01, 10), 0.95) << service.trace();
  EXPECT_NEAR(static_cast<double>(limit.figures().unloaded_latency.count()) / 1e9, 0.01, 0.003) << service.trace();
}

TEST(ConcurrencyLimit, FollowsAServiceThatGrowsAndShrinks) {
  ConcurrencyLimit limit(kUsual);
  ServiceModel service(limit, 10, ServiceModel::Fixed(0.005), 5);
  service.demand = Load(service, 0.005, 10);
  service.Run(20);
  service.concurrency = 60;
  service.Run(10);
  service.Run(5);
  EXPECT_GE(service.least_limit, 60) << service.trace();
  service.concurrency = 10;
  service.Run(15);
  service.Run(5);
  EXPECT_LE(service.most_limit, 30) << service.trace();
}

// However long the overload lasts, its own waiting is not taken for what the service needs; nor is noise for waiting.
TEST(ConcurrencyLimit, DriftsNeitherUpNorDown) {
  ConcurrencyLimit limit(kUsual);
  ServiceModel service(limit, 50, ServiceModel::Exponential(0.01), 17);
  service.demand = Load(service, 0.01, 2);
  service.Run(10);
  service.Run(150);
  EXPECT_GE(service.least_limit, 35) << service.trace();
  EXPECT_LE(service.most_limit, 130) << service.trace();
}

// They tell of no answers, but of how long they waited.
TEST(ConcurrencyLimit, IsToldByThoseThatGiveUp) {
  ConcurrencyLimit limit({.initial = 200});
  ServiceModel service(limit, 10, ServiceModel::Fixed(0.01), 23);
  service.demand = Load(service, 0.01, 0.5);
  service.Run(5);
  service.patience = 0.03;  // the queue of a limit of 200 is longer
  service.demand = Load(service, 0.01, 10);
  service.Run(10);
  service.Run(10);
  EXPECT_LE(service.most_limit, 30) << service.trace();
  EXPECT_GE(Goodput(service, 0.01, 10), 0.9) << service.trace();
}

TEST(ConcurrencyLimit, KnowsAfterAPauseWhatItKnew) {
  ConcurrencyLimit limit(kUsual);
  ServiceModel service(limit, 50, ServiceModel::Fixed(0.01), 29);
  service.demand = Load(service, 0.01, 2);
  service.Run(20);
  const auto before = limit.figures();
  service.demand = {};
  service.Run(3600);
  EXPECT_NEAR(limit.figures().limit, before.limit, 3);  // those that were still in flight have told something
  EXPECT_EQ(limit.figures().in_flight, 0u);
  service.demand = Load(service, 0.01, 2);
  service.Run(2);
  EXPECT_GE(Goodput(service, 0.01, 2), 0.95) << service.trace();
}

// Twice what the service can do, a tenth of it high: as if there was no overload.
TEST(ConcurrencyLimit, TheHighClassKeepsItsLatency) {
  ConcurrencyLimit limit(kUsual);
  ServiceModel service(limit, 40, ServiceModel::Fixed(0.01), 31);
  service.demand = Load(service, 0.01, 2);
  service.Run(15);
  service.Run(60);
  const ServiceModel::Counts& high = service.of(Priority::kHigh);
  EXPECT_LE(high.Percentile(0.99), 0.015) << service.trace();
  EXPECT_LE(high.refused_part(), 0.02) << service.trace();
  EXPECT_GE(service.of(Priority::kNormal).refused_part(), 0.5) << service.trace();
  EXPECT_GE(Goodput(service, 0.01, 60), 0.95) << service.trace();
}

// Also where it is a slot or two that they need.
TEST(ConcurrencyLimit, TheHighClassOfASmallServiceIsHardlyEverRefused) {
  for (const bool even : {true, false}) {
    ConcurrencyLimit limit(kUsual);
    ServiceModel service(limit, 4, even ? ServiceModel::Fixed(0.01) : ServiceModel::Exponential(0.01), 43);
    service.demand = Load(service, 0.01, 2);
    service.Run(60);
    service.Run(120);
    EXPECT_LE(service.of(Priority::kHigh).refused_part(), even ? 0.008 : 0.015) << service.trace();
    EXPECT_GE(Goodput(service, 0.01, 120), even ? 0.95 : 0.9) << service.trace();
  }
}

TEST(ConcurrencyLimit, RefusesClassByClass) {
  ConcurrencyLimit limit(kUsual);
  ServiceModel service(limit, 40, ServiceModel::Fixed(0.01), 37);
  service.demand = {.rates = {400, 1200, 1200, 4000}};  // it can do 4000: 70 % of it before the lowest class
  service.Run(15);
  service.Run(30);
  EXPECT_LE(service.of(Priority::kCritical).refused_part(), 0.02) << service.trace();
  EXPECT_LE(service.of(Priority::kHigh).refused_part(), 0.04) << service.trace();
  EXPECT_LE(service.of(Priority::kNormal).refused_part(), 0.12) << service.trace();
  EXPECT_GE(service.of(Priority::kLow).refused_part(), 0.6) << service.trace();
  EXPECT_LE(service.of(Priority::kLow).refused_part(), 0.85) << service.trace();

  service.demand = {.rates = {400, 1200, 4800, 4000}};  // and now the third alone is too much
  service.Run(5);
  service.Run(30);
  EXPECT_LE(service.of(Priority::kHigh).refused_part(), 0.04) << service.trace();
  EXPECT_GE(service.of(Priority::kNormal).refused_part(), 0.3) << service.trace();
  EXPECT_GE(service.of(Priority::kLow).refused_part(), 0.98) << service.trace();
}

}  // namespace
}  // namespace pillion::limit
