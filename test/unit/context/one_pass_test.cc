// A head is read and written by fields that were found once: what comes of it is what two looks at it give.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "source/context/extract.h"
#include "source/context/inject.h"
#include "source/context/timeout.h"
#include "source/context/vctx.h"

namespace pillion::context {
namespace {

using namespace std::chrono_literals;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr Moment kMoment{base::MonotonicTime(5000s), base::WallTime(base::Duration(1'795'000'000'000'000'000))};
constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

class OnePassTest : public testing::Test {
 protected:
  void Set(http::HeaderMap& headers, const Fields& fields) {
    for (const auto& [name, value] : fields) headers.Add(arena_.Copy(name), arena_.Copy(value));
  }
  static Fields Of(const http::HeaderMap& headers) {
    Fields fields;
    for (const http::HeaderField& field : headers) fields.emplace_back(field.name(), field.value());
    return fields;
  }
  // Read, and written with what `change` has made of it, in one pass.
  template <typename Change>
  uint32_t Pass(http::HeaderMap& headers, const ExtractOptions& options, CarrierSet write, const Change& change) {
    CarrierFields fields(headers, options.grpc);
    Extraction extraction;
    Extract(headers, fields, options.read, kMoment, extraction);
    change(extraction.context);
    return Inject(extraction.context, write, kMoment.monotonic, fields, headers);
  }
  const char* Place(const http::HeaderMap& headers, http::HeaderId id) { return headers.Find(id)->value_data; }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
};

constexpr auto kNothing = [](Context&) {};

TEST_F(OnePassTest, ATraceparentThatSaysTheSameStaysAsItCame) {
  http::HeaderMap headers(arena_);
  Set(headers, {{"traceparent", kTraceparent}});
  const char* const before = Place(headers, http::HeaderId::kTraceparent);
  Pass(headers, {}, kWrittenByDefault, kNothing);
  EXPECT_EQ(Place(headers, http::HeaderId::kTraceparent), before);
  Pass(headers, {}, kWrittenByDefault, [](Context& context) { context.span_id = 5; });
  EXPECT_EQ(headers.Get(http::HeaderId::kTraceparent), "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000005-01");
}

// Of a later version, with more behind it, or with flags that are not sent.
TEST_F(OnePassTest, ATraceparentThatIsNotAsWeWriteItIsWrittenAnew) {
  const std::string_view whole = kTraceparent;
  const std::string others[] = {"01" + std::string(whole.substr(2)), "cc" + std::string(whole.substr(2)) + "-more",
                                std::string(whole.substr(0, 53)) + "fd"};
  for (const std::string& other : others) {
    http::HeaderMap headers(arena_);
    Set(headers, {{"traceparent", other}});
    Pass(headers, {}, kWrittenByDefault, kNothing);
    EXPECT_EQ(headers.Get(http::HeaderId::kTraceparent), whole) << other;
  }
}

TEST_F(OnePassTest, TimeThatIsToldAlreadyIsNotToldAgain) {
  http::HeaderMap headers(arena_);
  Set(headers, {{"x-timeout-ms", "300"}});
  Context context;
  Pass(headers, {}, kWrittenByDefault, [&](Context& read) { context = read; });
  const char* const written = Place(headers, http::HeaderId::kXTimeoutMs);
  InjectTimeLeft(context, false, kMoment.monotonic, headers);
  EXPECT_EQ(Place(headers, http::HeaderId::kXTimeoutMs), written);
  EXPECT_EQ(headers.Get(http::HeaderId::kXTimeoutMs), "300");
  // Somebody has said more since.
  headers.Add(http::HeaderId::kXTimeoutMs, "300");
  InjectTimeLeft(context, false, kMoment.monotonic, headers);
  EXPECT_EQ(headers.Count(http::HeaderId::kXTimeoutMs), 1u);
  InjectTimeLeft(context, false, kMoment.monotonic + 100ms, headers);
  EXPECT_EQ(headers.Get(http::HeaderId::kXTimeoutMs), "200");
}

TEST(TimeoutText, IsToldByJustOneText) {
  EXPECT_TRUE(IsTimeoutMsText("300", 300ms));
  EXPECT_TRUE(IsTimeoutMsText("299", 299'999us));
  EXPECT_TRUE(IsTimeoutMsText("1", -5s));
  EXPECT_TRUE(IsTimeoutMsText("315360000000", kLongestTimeout));
  for (const std::string_view other : {"", "0", "30", "0300", "3000", "301", "200", " 300", "300 ", "3e2", "-300"}) {
    EXPECT_FALSE(IsTimeoutMsText(other, 300ms)) << other;
  }
}

TEST_F(OnePassTest, IsTheSameAsTwo) {
  std::mt19937 chance(7);
  const auto draw = [&chance](size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(chance); };
  Context known;
  known.trace_id = {0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
  known.span_id = 0xf067aa0ba902b7;
  known.request_id = "r-1";
  uint32_t left_out = 0;
  const Fields lines = {{"traceparent", kTraceparent},
                        {"traceparent", "00-00000000000000000000000000000001-0000000000000002-00"},
                        {"traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
                        {"traceparent", "nothing"},
                        {"tracestate", "a=1"},
                        {"tracestate", "b=2"},
                        {"baggage", "env=grey,other=1"},
                        {"baggage", "env=;;"},
                        {"b3", "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"},
                        {"x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"},
                        {"x-b3-spanid", "00f067aa0ba902b7"},
                        {"x-vivo-context", std::string(EncodeVctxText(known, true, arena_, left_out))},
                        {"x-vivo-context", "!"},
                        {"vctx-bin", std::string(EncodeVctxText(known, false, arena_, left_out))},
                        {"x-timeout-ms", "300"},
                        {"x-timeout-ms", "soon"},
                        {"grpc-timeout", "1S"},
                        {"x-request-id", "r-1"},
                        {"x-request-id", "r-2"},
                        {"x-deadline", "1795000000300000000"},
                        {"x-tenant", "acme"},
                        {"accept", "*/*"},
                        {"x-other", "1"}};
  for (int i = 0; i < 20'000; ++i) {
    Fields fields;
    for (size_t count = draw(8); count > 0; --count) fields.push_back(lines[draw(lines.size())]);
    const ExtractOptions options{.read = kAllCarriers, .grpc = draw(3) == 0};
    CarrierSet write;
    for (size_t carrier = 0; carrier < kCarriers; ++carrier) {
      if (draw(2) == 0) write.Add(static_cast<Carrier>(carrier));
    }
    const size_t changed = draw(4);
    const auto change = [&](Context& context) {
      if (changed == 1) context.span_id = 77;
      if (changed == 2) CapDeadline(context, 100ms, kMoment);
      if (changed == 3) context.request_id = "another";
    };
    http::HeaderMap once(arena_), twice(arena_);
    Set(once, fields);
    Set(twice, fields);
    const uint32_t left = Pass(once, options, write, change);
    Extraction extraction;
    Extract(twice, options, kMoment, extraction);
    change(extraction.context);
    EXPECT_EQ(Inject(extraction.context, {.write = write, .grpc = options.grpc}, kMoment.monotonic, twice), left);
    ASSERT_EQ(Of(once), Of(twice)) << "the head of number " << i;
    arena_.Clear();
  }
}

}  // namespace
}  // namespace pillion::context
