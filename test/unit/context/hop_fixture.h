#pragma once

// A head that comes in and goes out.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/context/extract.h"
#include "source/context/inject.h"
#include "source/context/vctx.h"
#include "source/context/x_context.h"

namespace pillion::context {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline constexpr uint64_t kNow = 1'795'000'000'000'000'000;
inline constexpr Moment kMoment{base::MonotonicTime(std::chrono::seconds(5000)), base::WallTime(base::Duration(kNow))};

inline constexpr char kTraceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
inline constexpr TraceId kTrace{0x4bf92f3577b34da6, 0xa3ce929d0e0e4736};
inline constexpr SpanId kSpan = 0x00f067aa0ba902b7;

inline constexpr uint64_t In(base::Duration time) { return kNow + static_cast<uint64_t>(time.count()); }

class HopTest : public testing::Test {
 protected:
  const Context& Read(const Fields& fields) {
    headers_ = http::HeaderMap(arena_);
    for (const auto& [name, value] : fields) headers_.Add(arena_.Copy(name), arena_.Copy(value));
    extraction_ = Extraction();
    Extract(headers_, {.read = read_, .grpc = grpc_}, kMoment, extraction_);
    return extraction_.context;
  }
  uint32_t Write(const Context& context, CarrierSet write = kWrittenByDefault) {
    return Inject(context, {.write = write, .grpc = grpc_}, kMoment.monotonic, headers_);
  }
  std::string Field(std::string_view name) const {
    std::string values;
    for (const http::HeaderField& field : headers_) {
      if (field.name() == name) values += (values.empty() ? "" : "|") + std::string(field.value());
    }
    return values;
  }
  std::string Vctx(const Context& context) {
    uint32_t left_out = 0;
    return std::string(EncodeVctxText(context, true, arena_, left_out));
  }
  std::string XContext(const Context& context) { return std::string(EncodeXContext(context, arena_)); }
  Context VctxWritten() {
    Context context;
    EXPECT_TRUE(DecodeVctxText(arena_.Copy(Field(grpc_ ? "vctx-bin" : "x-vivo-context")), arena_, context));
    return context;
  }
  void Add(Context& context, std::string_view key, std::string_view value) {
    uint32_t none = 0;
    context.baggage.Add({key, value, static_cast<uint32_t>(value.size())}, arena_, none);
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  http::HeaderMap headers_{arena_};
  CarrierSet read_ = kAllCarriers;
  bool grpc_ = false;
  Extraction extraction_;
};

}  // namespace pillion::context
