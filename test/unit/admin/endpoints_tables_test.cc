// Pages of what there is: clusters, listeners, limits, breakers, contexts.

#include "test/unit/admin/endpoints_fixture.h"

namespace pillion::admin {
namespace {

TEST_F(EndpointsTest, Breakers) {
  EXPECT_EQ(Get("/breakers").status, 404);
  EXPECT_EQ(Get("/breakers?format=xml").status, 400);
  breakers_ = {{.rule = "pay", .terms = "error ratio 0.6 in 10s", .per = "route", .count = 2, .most = 10, .no_room = 3,
                .forgotten = 4,
                .breakers = {{.key = "route=all/pay", .state = "open", .since_ms = 1500, .retry_after_ms = 8500,
                              .opened_by_calls = 10, .opened_by_bad = 6, .passed = 20, .refused = 5, .probes = 1, .opened = 2,
                              .late = 7},
                             {.key = "", .state = "closed", .since_ms = 2, .calls = 8, .bad = 1, .passed = 8}}},
               {.rule = "slow", .terms = "t", .count = 2, .most = 9,
                .breakers = {{.key = "a", .state = "half_open", .probes_on_their_way = 2, .good_probes = 1},
                             {.key = "b", .state = "recovering", .calls = 3, .good_windows = 4}}}};
  EXPECT_EQ(Get("/breakers").body,
            "pay: error ratio 0.6 in 10s; per route\n"
            "  2 of 10 breakers; 4 forgotten, 3 times there was no room\n"
            "  route=all/pay: open for 1500 ms, by 6 bad of 10 calls; a probe in 8500 ms\n"
            "    passed 20, refused 5, probes 1, opened 2, late 7\n"
            "  all: closed for 2 ms; 1 bad of 8 calls\n"
            "    passed 8, refused 0, probes 0, opened 0, late 0\n"
            "slow: t\n"
            "  2 of 9 breakers; 0 forgotten, 0 times there was no room\n"
            "  a: half_open for 0 ms; probes: 1 good, 2 on their way\n"
            "    passed 0, refused 0, probes 0, opened 0, late 0\n"
            "  b: recovering for 0 ms; 0 bad of 3 calls in this window, 4 good ones before\n"
            "    passed 0, refused 0, probes 0, opened 0, late 0\n");
  breakers_.pop_back();
  breakers_[0].breakers.pop_back();
  EXPECT_EQ(Get("/breakers?format=json").body, R"({
 "rules": [
  {
   "rule": "pay",
   "terms": "error ratio 0.6 in 10s",
   "per": "route",
   "count": "2",
   "most": "10",
   "no_room": "3",
   "forgotten": "4",
   "breakers": [
    {
     "key": "route=all/pay",
     "state": "open",
     "since_ms": "1500",
     "retry_after_ms": "8500",
     "calls": "0",
     "bad": "0",
     "opened_by_calls": "10",
     "opened_by_bad": "6",
     "probes_on_their_way": "0",
     "good_probes": "0",
     "good_windows": "0",
     "passed": "20",
     "refused": "5",
     "probes": "1",
     "opened": "2",
     "late": "7"
    }
   ]
  }
 ]
}
)");
}

TEST_F(EndpointsTest, Limits) {
  EXPECT_EQ(Get("/limits").status, 404);
  EXPECT_EQ(Get("/limits?format=xml").status, 400);
  limits_ = {{.name = "all", .terms = "window of 5 in 1s", .keys = 1, .capacity = 1},
             {.name = "each", .terms = "bucket of 1, 1 per 1s", .keys = 7, .capacity = 10, .expired = 3, .evicted = 2,
              .without_room = 4, .waiting = 6,
              .refused = {{"tenant=\"a\"", 12, 3, "bucket 0 of 1"}, {"#00ff00ff", 1, 200, "bucket 1 of 1"}}}};
  EXPECT_EQ(Get("/limits").body,
            "all: window of 5 in 1s\n"
            "  1 of 1 keys; 0 expired, 0 made room, 0 times there was none\n"
            "each: bucket of 1, 1 per 1s\n"
            "  7 of 10 keys; 3 expired, 2 made room, 4 times there was none\n"
            "  6 waiting\n"
            "  refused tenant=\"a\": 12 times, 3 s ago; left: bucket 0 of 1\n"
            "  refused #00ff00ff: 1 times, 200 s ago; left: bucket 1 of 1\n");
  limits_.erase(limits_.begin());
  EXPECT_EQ(Get("/limits?format=json").body, R"({
 "limits": [
  {
   "name": "each",
   "terms": "bucket of 1, 1 per 1s",
   "keys": "7",
   "capacity": "10",
   "expired": "3",
   "evicted": "2",
   "without_room": "4",
   "waiting": "6",
   "refused": [
    {
     "key": "tenant=\"a\"",
     "times": "12",
     "seconds_ago": "3",
     "left": "bucket 0 of 1"
    },
    {
     "key": "#00ff00ff",
     "times": "1",
     "seconds_ago": "200",
     "left": "bucket 1 of 1"
    }
   ]
  }
 ]
}
)");
}

TEST_F(EndpointsTest, Context) {
  EXPECT_EQ(Get("/context").status, 404);
  EXPECT_EQ(Get("/context?format=xml").status, 400);
  context_.emplace();
  EXPECT_EQ(Get("/context").body,
            "requests in flight: 0, 0 of them with a deadline\n"
            "correlation: 0 of 0 records in use, also of requests that have ended; 0 made so far\n"
            "outbound requests: 0 restored, 0 in part, 0 unclear, 0 unknown\n");
  context_ = ContextView{.in_flight = 12,
                         .with_deadline = 9,
                         .oldest = ContextView::Oldest{.age_ms = 1203, .time_left_ms = -3},
                         .correlation = {.size = 1,
                                         .capacity = 2,
                                         .remembered = 3,
                                         .refused = 4,
                                         .forgotten = 5,
                                         .restored = 6,
                                         .partly = 7,
                                         .unclear = 8,
                                         .unknown = 10}};
  EXPECT_EQ(Get("/context").body,
            "requests in flight: 12, 9 of them with a deadline\n"
            "the oldest: began 1203 ms ago, -3 ms left\n"
            "correlation: 1 of 2 records in use, also of requests that have ended; 3 made so far\n"
            "for want of room 4 were not made\n"
            "for want of room 5 went before their grace was over\n"
            "outbound requests: 6 restored, 7 in part, 8 unclear, 10 unknown\n");
  EXPECT_EQ(Get("/context?format=json").body, R"({
 "in_flight": "12",
 "with_deadline": "9",
 "oldest": {
  "age_ms": 1203,
  "time_left_ms": -3
 },
 "correlation": {
  "size": "1",
  "capacity": "2",
  "remembered": "3",
  "refused": "4",
  "forgotten": "5"
 },
 "outbound": {
  "restored": "6",
  "partly": "7",
  "unclear": "8",
  "unknown": "10"
 }
}
)");
  context_->oldest->time_left_ms.reset();
  EXPECT_NE(Get("/context").body.find("the oldest: began 1203 ms ago, without a deadline\n"), std::string::npos);
}

TEST_F(EndpointsTest, AClusterThatLeaves) {
  EXPECT_EQ(Get("/clusters").body.find("leaving"), std::string::npos);
  clusters_[0].leaving = true;
  EXPECT_NE(Get("/clusters").body.find("be::added_via_api::false\nbe::leaving::true\n"), std::string::npos);
}

TEST_F(EndpointsTest, ClustersText) {
  EXPECT_EQ(Get("/clusters").body,
            "be::observability_name::be_alt\n"
            "be::default_priority::max_connections::1024\n"
            "be::default_priority::max_pending_requests::1024\n"
            "be::default_priority::max_requests::1024\n"
            "be::default_priority::max_retries::3\n"
            "be::high_priority::max_connections::7\n"
            "be::high_priority::max_pending_requests::1024\n"
            "be::high_priority::max_requests::1024\n"
            "be::high_priority::max_retries::3\n"
            "be::added_via_api::false\n"
            "be::192.0.2.1:80::cx_active::0\n"
            "be::192.0.2.1:80::cx_connect_fail::0\n"
            "be::192.0.2.1:80::cx_total::0\n"
            "be::192.0.2.1:80::rq_active::1\n"
            "be::192.0.2.1:80::rq_error::0\n"
            "be::192.0.2.1:80::rq_pending_active::0\n"
            "be::192.0.2.1:80::rq_success::0\n"
            "be::192.0.2.1:80::rq_timeout::0\n"
            "be::192.0.2.1:80::rq_total::9\n"
            "be::192.0.2.1:80::hostname::be.example\n"
            "be::192.0.2.1:80::health_flags::healthy\n"
            "be::192.0.2.1:80::weight::3\n"
            "be::192.0.2.1:80::region::\n"
            "be::192.0.2.1:80::zone::z1\n"
            "be::192.0.2.1:80::sub_zone::\n"
            "be::192.0.2.1:80::canary::false\n"
            "be::192.0.2.1:80::priority::0\n"
            "be::192.0.2.1:80::success_rate::-1\n"
            "be::192.0.2.1:80::local_origin_success_rate::-1\n");
  EXPECT_EQ(Get("/clusters?filter=^b$").body, "");
  EXPECT_EQ(Get("/clusters?filter=(").status, 400);
  EXPECT_EQ(Get("/clusters?format=xml").status, 400);
  clusters_[0].hosts[0].failures = {"failed_active_hc", "failed_outlier_check"};
  EXPECT_NE(Get("/clusters").body.find("::health_flags::/failed_active_hc/failed_outlier_check\n"),
            std::string::npos);
}

TEST_F(EndpointsTest, LanesOfHosts) {
  EXPECT_EQ(Get("/clusters?format=json").body.find("lane"), std::string::npos);
  clusters_[0].hosts[0].lane = "env=gr\nay";
  EXPECT_NE(Get("/clusters").body.find("be::192.0.2.1:80::lane::env=gr\\nay\n"), std::string::npos);
  EXPECT_NE(Get("/clusters?format=json").body.find(R"("lane": "env=gr\nay")"), std::string::npos);
  clusters_[0].hosts[0].lane = "";
  EXPECT_NE(Get("/clusters").body.find("be::192.0.2.1:80::lane::baseline\n"), std::string::npos);
}

TEST_F(EndpointsTest, ClustersJson) {
  clusters_[0].hosts[0].failures = {"failed_active_hc"};
  const std::string body = Get("/clusters?format=json").body;
  EXPECT_TRUE(
      body.starts_with("{\n \"cluster_statuses\": [\n  {\n   \"name\": \"be\",\n   \"host_statuses\": [\n    {\n"
                       "     \"address\": {\n      \"socket_address\": {\n       \"address\": \"192.0.2.1\",\n"
                       "       \"port_value\": 80\n      }\n     },\n"))
      << body;
  EXPECT_NE(
      body.find(
          "{\n       \"type\": \"GAUGE\",\n       \"name\": \"rq_active\",\n       \"value\": \"1\"\n      }"),
      std::string::npos);
  EXPECT_NE(body.find("{\n       \"name\": \"cx_total\"\n      }"), std::string::npos);
  EXPECT_NE(body.find("\"failed_active_health_check\": true"), std::string::npos);
  EXPECT_NE(body.find("{\n      \"priority\": \"HIGH\",\n      \"max_connections\": 7,"), std::string::npos);
}

TEST_F(EndpointsTest, Listeners) {
  EXPECT_EQ(Get("/listeners").body, "in::127.0.0.1:8080\nsix::[::1]:81 (listen: taken)\npipe::/run/x.sock\n");
  const std::string json = Get("/listeners?format=json").body;
  EXPECT_TRUE(
      json.starts_with("{\n \"listener_statuses\": [\n  {\n   \"name\": \"in\",\n   \"local_address\": {\n"
                       "    \"socket_address\": {\n     \"address\": \"127.0.0.1\",\n"
                       "     \"port_value\": 8080\n    }\n   }\n  },"))
      << json;
  EXPECT_NE(json.find("\"error\": \"listen: taken\""), std::string::npos);
  EXPECT_NE(json.find("\"pipe\": {\n     \"path\": \"/run/x.sock\""), std::string::npos);
}

}  // namespace
}  // namespace pillion::admin
