// Requests that wait for their turn where a limit has nothing left.

#include <gtest/gtest.h>

#include "test/unit/filters/limit_fixture.h"

namespace pillion::test {
namespace {

constexpr const char* kContext =
    "- {name: context, typed_config: {\"@type\": type.googleapis.com/pillion.filters.http.context.v1.Context, "
    "direction: OUTBOUND}}\n";

// Requests of several clients, of which some wait.
class QueueTest : public LimitTest {
 protected:
  void Send(size_t client, const std::string& fields = "") {
    clients_[client]->Send("GET /direct HTTP/1.1\r\nhost: h\r\n" + fields + "\r\n");
    world_->Run();
  }
  // The number of the answer's status; 0: it waits.
  int Status(size_t client) {
    const std::string answer = clients_[client]->Take();
    return answer.empty() ? 0 : std::stoi(answer.substr(9, 3));
  }
  std::vector<int> Statuses() {
    std::vector<int> all;
    for (size_t i = 0; i < clients_.size(); ++i) all.push_back(Status(i));
    return all;
  }
  // One a second.
  static std::string Queue(const std::string& fields, const std::string& rule = "", const std::string& name = "q") {
    return Bucket(1, "queue: {" + fields + "}" + (rule.empty() ? "" : ", " + rule), name);
  }
};

TEST_F(QueueTest, WaitsForItsTurnOverAllWorkers) {
  Start(Rules(Queue("longest_wait: 10s")), {.workers = 3});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0}));
  EXPECT_EQ(Count("q.queue_waiting"), 2);
  world_->Wait(999);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 0}));
  world_->Wait(1);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 200, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200}));
  EXPECT_EQ(Count("q.queued"), 2);
  EXPECT_EQ(Count("q.queue_granted"), 2);
  EXPECT_EQ(Count("q.admitted"), 3);
  EXPECT_EQ(Count("q.queue_waiting"), 0);
}

TEST_F(QueueTest, NoLongerThanItMay) {
  const std::string by_field = ", priority: \"int(request.headers['x-priority'])\"";
  Start(Rules(Window(9, "", "first") + ", " + Queue("longest_wait: 1.5s" + by_field)), {.workers = 3});
  Send(0);
  Send(1, "x-priority: 1\r\n");
  world_->Wait(500);
  Send(2, "x-priority: 0\r\n");  // takes his turn
  world_->Wait(999);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 200}));
  world_->TakeLog();
  world_->Wait(1);
  const std::string answer = clients_[1]->Take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_NE(answer.find("; it has waited as long as it may; retry after 1s"), std::string::npos) << answer;
  EXPECT_TRUE(world_->TakeLog()[0].starts_with("GET /direct HTTP/1.1 429 RL limit_rejected[q:bucket:queue_timed_out] "));
  EXPECT_EQ(Count("q.queue_timed_out"), 1);
  EXPECT_EQ(Count("first.given_back"), 1);
}

TEST_F(QueueTest, AtOnceWhereTheWaitWouldBeTooLong) {
  Start(Rules(Queue("longest_wait: 0.9s")));
  EXPECT_TRUE(Passes());
  const std::string answer = Get();
  EXPECT_NE(answer.find("; it may not wait so long; retry after 1s"), std::string::npos) << answer;
  EXPECT_EQ(Count("q.queue_too_late"), 1);
  EXPECT_EQ(Count("q.queued"), 0);
}

// Also where others wait before: not in a second, where the limit knows that it is too early.
TEST_F(QueueTest, SaysWhenTheLimitHasSomethingAgain) {
  Start(Rules("{name: q, bucket: {rate: 1, per: 6s}, queue: {most: 1, longest_wait: 9s}}"), {.workers = 4});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 429, 0}));
  world_->Wait(4000);
  Send(3);
  const std::string full = clients_[3]->Take();
  EXPECT_NE(full.find("; the queue is full; retry after 2s"), std::string::npos) << full;
  EXPECT_NE(full.find("\r\nretry-after: 2\r\n"), std::string::npos) << full;
}

// Whoever waits before.
TEST_F(QueueTest, AtOnceWhereTheLimitHasNothingUntilTheDeadline) {
  ProxySettings settings{.workers = 4};
  settings.http_filters = kContext;
  Start(Rules("{name: q, bucket: {rate: 1, per: 6s}, queue: {longest_wait: 9s}}"), settings);
  Send(0);
  Send(1);
  Send(2, "x-timeout-ms: 5900\r\n");
  Send(3, "x-timeout-ms: 6100\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 429, 429}));  // and the last one is behind who waits
  EXPECT_EQ(Count("q.queue_too_late"), 2);
}

// Each counts on what those before him take.
TEST_F(QueueTest, AtOnceWhereThoseBeforeTakeWhatThereWillBe) {
  Start(Rules(Queue("longest_wait: 2.5s")), {.workers = 4});
  for (size_t client = 0; client < 4; ++client) Send(client);
  EXPECT_EQ(Status(0), 200);
  EXPECT_EQ(Status(1), 0);
  EXPECT_EQ(Status(2), 0);
  const std::string answer = clients_[3]->Take();
  EXPECT_NE(answer.find("; it may not wait so long; retry after 3s"), std::string::npos) << answer;
  world_->Wait(1000);
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 200, 200, 0}));
  EXPECT_EQ(Count("q.queue_too_late"), 1);
  EXPECT_EQ(Count("q.queue_granted"), 2);
}

// A token has come in part: that of a long period is worth a long time.
TEST_F(QueueTest, AtOnceBehindOthersWhateverThePeriod) {
  Start(Rules("{name: q, bucket: {rate: 1, per: 100s}, queue: {longest_wait: 150s}}"), {.workers = 4});
  Send(0);
  world_->Wait(40000);
  Send(1);  // in 60 s
  Send(2);  // in 160 s
  EXPECT_EQ(Status(1), 0);
  const std::string answer = clients_[2]->Take();
  EXPECT_NE(answer.find("; it may not wait so long; retry after 160s"), std::string::npos) << answer;
  world_->Wait(11000);
  Send(3);  // in 149 s
  EXPECT_EQ(Status(3), 0);
  world_->Wait(49000);
  EXPECT_EQ(Status(1), 200);
  world_->Wait(100000);
  EXPECT_EQ(Status(3), 200);
}

TEST_F(QueueTest, AtOnceWhereTheWindowWillBeOthers) {
  Start(Rules("{name: q, window: {limit: 2, length: 10s}, queue: {longest_wait: 15s}}"), {.workers = 4});
  clients_.push_back(world_->Connect());
  for (size_t client = 0; client < 5; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 200, 0, 0, 429}));  // the next two are in twenty seconds
}

// Who may have to go before his turn is nobody to be behind.
TEST_F(QueueTest, NotAtOnceWhereThoseBeforeMayBeGone) {
  ProxySettings settings{.workers = 4};
  settings.http_filters = kContext;
  const std::string by_field = "priority: \"int(request.headers['x-priority'])\"";
  Start(Rules(Queue("longest_wait: 2.5s, " + by_field)), settings);
  Send(0);
  Send(1, "x-priority: 1\r\nx-timeout-ms: 1200\r\n");
  Send(2, "x-priority: 0\r\n");  // and the other one has no turn in time any more
  Send(3, "x-priority: 1\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0, 0}));
  world_->Wait(1000);
  world_->Wait(1000);
  EXPECT_EQ(Status(2), 200);
  EXPECT_EQ(Status(3), 200);
  EXPECT_EQ(Count("q.queue_too_late"), 0);
}

TEST_F(QueueTest, WithinTheDeadlineOfTheRequest) {
  ProxySettings settings{.workers = 3};
  settings.http_filters = kContext;
  Start(Rules(Queue("longest_wait: 10s")), settings);
  Send(0);
  Send(1, "x-timeout-ms: 900\r\n");
  Send(2, "x-timeout-ms: 1100\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 429, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200}));
}

TEST_F(QueueTest, AsManyAsThereIsRoomFor) {
  Start(Rules(Queue("most: 1, longest_wait: 10s")), {.workers = 3});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Status(1), 0);
  const std::string answer = clients_[2]->Take();
  EXPECT_NE(answer.find("; the queue is full; "), std::string::npos) << answer;
  EXPECT_EQ(Count("q.queue_full"), 1);
}

TEST_F(QueueTest, TheUrgentFirstAndInThePlaceOfOthers) {
  const std::string by_field = "priority: \"int(request.headers['x-priority'])\"";
  Start(Rules(Queue("most: 2, longest_wait: 10s, " + by_field)), {.workers = 4});
  Send(0);
  Send(1, "x-priority: 2\r\n");
  Send(2, "x-priority: 1\r\n");
  Send(3, "x-priority: 0\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 429, 0, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 0, 200}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200, 0}));
  EXPECT_EQ(Count("q.queue_full"), 1);
}

TEST_F(QueueTest, FairBetweenThoseWhoShareALimit) {
  Start(Rules(Queue("longest_wait: 10s, fair_by: [{name: tenant, value: \"request.headers['x-tenant']\"}]")), {.workers = 2});
  for (int i = 0; i < 3; ++i) clients_.push_back(world_->Connect());
  Send(0);
  Send(1, "x-tenant: a\r\n");
  Send(2, "x-tenant: a\r\n");
  Send(3, "x-tenant: a\r\n");
  Send(4, "x-tenant: b\r\n");
  EXPECT_EQ(Status(0), 200);
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 200, 0, 0, 0}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 0, 0, 200}));
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{0, 0, 200, 0, 0}));
}

TEST_F(QueueTest, AKeyWaitsForItsOwnAlone) {
  Start(Rules(Queue("longest_wait: 10s", std::string(kTenant))), {.workers = 3});
  Send(0, "x-tenant: a\r\n");
  Send(1, "x-tenant: a\r\n");
  Send(2, "x-tenant: b\r\n");
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 200}));
}

// Its place is another's at once, and what it was charged for is given back.
TEST_F(QueueTest, WhoGoesAwayWaitsNoMore) {
  Start(Rules(Window(9, "", "first") + ", " + Bucket(5, "cost: \"int(request.headers['x-cost'])\", queue: {longest_wait: 10s}", "q")),
        {.workers = 3});
  Send(0, "x-cost: 5\r\n");
  Send(1, "x-cost: 5\r\n");
  Send(2, "x-cost: 1\r\n");
  world_->Wait(1500);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0}));  // who came first costs more
  world_->TakeLog();
  clients_[1]->Reset();
  world_->Run();
  EXPECT_EQ(Status(2), 200);
  EXPECT_EQ(Count("q.queue_left"), 1);
  EXPECT_EQ(Count("q.queue_waiting"), 0);
  EXPECT_EQ(Count("first.given_back"), 1);
  EXPECT_EQ(world_->TakeLog().size(), 2u);
}

// Granted and gone in one turn: what is posted finds nobody.
TEST_F(QueueTest, WhoIsGrantedAndGoneGivesItBack) {
  Start(Rules(Queue("longest_wait: 10s")), {.workers = 3});
  Send(0);
  Send(1);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 0}));
  clients_[1]->Reset();  // is read in the turn in which the timer fires
  world_->Wait(1000);
  Send(2);
  EXPECT_EQ(Status(2), 200);
}

TEST_F(QueueTest, GoesOnWhereItsListenerIsReplaced) {
  ProxySettings settings{.workers = 2};
  Start(Rules(Queue("longest_wait: 10s")), settings);
  Send(0);
  Send(1);
  settings.http_filters = "- {name: limit, typed_config: " + Rules(Queue("longest_wait: 10s, most: 7")) + "}\n";
  world_->UpdateListener(settings);
  clients_.push_back(world_->Connect());
  clients_.push_back(world_->Connect());
  Send(2);
  world_->Wait(1000);
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 200, 200, 0}));
}

TEST_F(QueueTest, AndThenDegrades) {
  Start(Rules(Queue("most: 1, longest_wait: 10s", "degrade: {answer: {status: 203, body: cached}}")), {.workers = 3});
  for (size_t client = 0; client < 3; ++client) Send(client);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 0, 203}));
}

// Of a route that forwards; and the rules behind are asked when it has waited.
TEST_F(QueueTest, WithABody) {
  Start(Rules(Queue("longest_wait: 10s") + ", " + Window(2, "", "last")), {.workers = 3});
  Send(0);
  for (const size_t client : {1u, 2u}) {
    clients_[client]->Send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody");
    world_->Run();
  }
  world_->Wait(1000);
  const std::string sent = world_->upstream().peer(0).Take();
  EXPECT_TRUE(sent.ends_with("\r\n\r\nbody")) << sent;
  Answer();
  world_->Wait(1000);
  EXPECT_EQ(Statuses(), (std::vector<int>{200, 200, 429}));
}

}  // namespace
}  // namespace pillion::test
