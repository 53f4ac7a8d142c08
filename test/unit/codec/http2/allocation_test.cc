// A relay of requests and answers reaches malloc for nothing once its pools are warm.

#include <gtest/gtest.h>

#include "test/support/counted_memory.h"
#include "test/unit/codec/http2/relay.h"

namespace pillion::codec::http2 {
namespace {

void ExpectNoAllocation(bool grpc) {
  RelayLoad load(16, grpc);
  size_t inside = 0;
  const auto work = [&inside](Relay& relay, bool from_downstream, const base::Slice& bytes) {
    const size_t before = test::Allocations();
    (void)(from_downstream ? relay.downstream.Receive(bytes) : relay.upstream.Receive(bytes));
    relay.EndTurn();
    inside += test::Allocations() - before;
  };
  for (int i = 0; i < 10; ++i) load.Turn(work);
  inside = 0;
  const size_t before = load.relay.finished;
  for (int i = 0; i < 20; ++i) load.Turn(work);
  EXPECT_EQ(load.relay.finished - before, 20u * 16);
  EXPECT_EQ(inside, 0u);
}

TEST(Allocation, TinyAnswers) { ExpectNoAllocation(false); }
TEST(Allocation, UnaryCalls) { ExpectNoAllocation(true); }

}  // namespace
}  // namespace pillion::codec::http2
