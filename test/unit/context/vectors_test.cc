// The published vectors, test/vectors/context/*.json: each is read, and written again.

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "source/context/b3.h"
#include "source/context/base64.h"
#include "source/context/extract.h"
#include "source/context/inject.h"
#include "source/context/standard.h"
#include "source/context/timeout.h"
#include "source/context/vctx.h"
#include "source/context/w3c.h"
#include "source/context/w3c_baggage.h"
#include "source/context/x_context.h"
#include "source/http/grpc_timeout.h"

namespace pillion::context {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Struct Load(const std::string& name) {
  std::ifstream in("test/vectors/context/" + name);
  const std::string json{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  Struct file;
  EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &file).ok()) << name;
  return file;
}

class Vector {
 public:
  explicit Vector(const Struct& fields) : fields_(fields) {}

  bool Has(const std::string& name) const { return fields_.fields().contains(name); }
  const Value& At(const std::string& name) const { return fields_.fields().at(name); }
  std::string Text(const std::string& name) const { return Has(name) ? At(name).string_value() : std::string(); }
  bool malformed() const { return Has("malformed") && At("malformed").bool_value(); }
  Vector Part(const std::string& name) const { return Vector(At(name).struct_value()); }

 private:
  const Struct& fields_;
};

std::string Bytes(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<uint8_t>(c) >> 4];
    hex += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return hex;
}

uint64_t Number(const std::string& hex) { return std::stoull(hex, nullptr, 16); }

// One line for each part that is there, so that a difference can be read.
std::string Show(const Context& context) {
  std::string all;
  const auto show = [&all](const std::string& name, const std::string& value) { all += name + ": " + value + "\n"; };
  if (context.has_deadline()) show("deadline", std::to_string(context.deadline));
  if (context.trace_id) show("trace_id", std::to_string(context.trace_id.high) + " " + std::to_string(context.trace_id.low));
  if (context.span_id != 0) show("span_id", std::to_string(context.span_id));
  if (context.has_trace_flags) show("trace_flags", std::to_string(context.trace_flags));
  if (context.cancel_reason != CancelReason::kNone) show("cancel", std::to_string(static_cast<uint8_t>(context.cancel_reason)));
  if (context.biz_flags != 0) show("biz_flags", std::to_string(context.biz_flags));
  if (!context.request_id.empty()) show("request_id", std::string(context.request_id));
  if (!context.tenant.empty()) show("tenant", std::string(context.tenant));
  if (!context.tracestate.empty()) show("tracestate", std::string(context.tracestate));
  for (const Baggage::Entry& entry : context.baggage) {
    show("baggage", std::string(entry.key) + "=" + Hex(entry.value()) + ";" + std::string(entry.properties()));
  }
  if (!context.unknown.empty()) show("unknown", Hex(context.unknown));
  return all;
}

class VectorsTest : public testing::Test {
 protected:
  // Calls `check(vector)` for each of a file, which has at least `least`.
  template <typename F>
  void ForEach(const std::string& file, size_t least, F&& check) {
    const Struct all = Load(file);
    const auto& vectors = all.fields().at("vectors").list_value();
    EXPECT_GE(static_cast<size_t>(vectors.values_size()), least);
    for (const Value& value : vectors.values()) {
      const Vector vector(value.struct_value());
      SCOPED_TRACE(file + ": " + vector.Text("form") + " " + vector.Text("name"));
      check(vector);
    }
  }
  std::string_view Kept(const std::string& text) { return arena_.Copy(text); }

  std::string ShowExpected(const Vector& expected) {
    Context context;
    const auto number = [&](const std::string& name) { return expected.Has(name) ? expected.At(name).number_value() : 0; };
    if (expected.Has("deadline")) context.deadline = std::stoull(expected.Text("deadline"));
    if (expected.Has("trace_id")) {
      context.trace_id = {Number(expected.Text("trace_id").substr(0, 16)), Number(expected.Text("trace_id").substr(16))};
    }
    if (expected.Has("span_id")) context.span_id = Number(expected.Text("span_id"));
    context.has_trace_flags = expected.Has("trace_flags");
    context.trace_flags = static_cast<uint8_t>(number("trace_flags"));
    context.cancel_reason = static_cast<CancelReason>(number("cancel_reason"));
    context.biz_flags = static_cast<uint16_t>(number("biz_flags"));
    context.request_id = Kept(expected.Text("request_id"));
    context.tenant = Kept(expected.Text("tenant"));
    context.tracestate = Kept(expected.Text("tracestate"));
    context.unknown = Kept(Bytes(expected.Text("unknown")));
    if (expected.Has("baggage")) {
      uint32_t left_out = 0;
      for (const Value& value : expected.At("baggage").list_value().values()) {
        const Vector entry(value.struct_value());
        const std::string text = entry.Has("value_hex") ? Bytes(entry.Text("value_hex")) : entry.Text("value");
        const std::string properties = entry.Has("properties") ? ";" + entry.Text("properties") : "";
        context.baggage.Add({Kept(entry.Text("key")), Kept(text + properties), static_cast<uint32_t>(text.size())}, arena_,
                            left_out);
      }
    }
    return Show(context);
  }

  base::BlockPool blocks_;
  base::Arena arena_{blocks_};
  uint32_t left_out_ = 0;
};

TEST_F(VectorsTest, Vctx) {
  ForEach("vctx.json", 50, [&](const Vector& vector) {
    const std::string bytes = Bytes(vector.Text("hex"));
    Context context;
    ASSERT_EQ(DecodeVctx(Kept(bytes), arena_, context), !vector.malformed());
    if (vector.malformed()) return;
    EXPECT_EQ(Show(context), ShowExpected(vector.Part("context")));
    char out[kMostVctxBytes];
    const std::string written(out, EncodeVctx(context, out, left_out_));
    EXPECT_EQ(Hex(written), vector.Has("written") ? vector.Text("written") : vector.Text("hex"));
    Context of_text;
    EXPECT_TRUE(DecodeVctxText(Kept(vector.Text("base64")), arena_, of_text));
    EXPECT_EQ(Show(of_text), Show(context));
  });
  EXPECT_EQ(left_out_, 0u);
}

TEST_F(VectorsTest, Base64) {
  ForEach("base64.json", 20, [&](const Vector& vector) {
    char out[64];
    const auto size = DecodeBase64(vector.Text("text"), out, sizeof out);
    ASSERT_EQ(size.has_value(), !vector.malformed()) << vector.Text("text");
    if (size) {
      EXPECT_EQ(Hex({out, *size}), vector.Text("hex"));
    }
  });
}

TEST_F(VectorsTest, XContext) {
  ForEach("x_context.json", 5, [&](const Vector& vector) {
    Context context;
    ASSERT_EQ(DecodeXContext(vector.Text("text"), context), !vector.malformed());
    if (vector.malformed()) return;
    EXPECT_EQ(Show(context), ShowExpected(vector.Part("context")));
    EXPECT_EQ(EncodeXContext(context, arena_), vector.Text(vector.Has("written") ? "written" : "text"));
  });
}

TEST_F(VectorsTest, Text) {
  ForEach("text.json", 50, [&](const Vector& vector) {
    const std::string form = vector.Text("form");
    const std::string_view text = Kept(vector.Text("text"));
    Context context;
    bool good = false;
    std::string_view written;
    if (form == "traceparent") {
      good = DecodeTraceparent(text, context);
      if (good) written = EncodeTraceparent(context, arena_);
    } else if (form == "tracestate") {
      good = IsTracestate(text);
      written = context.tracestate = text;
    } else if (form == "baggage") {
      good = DecodeBaggage(text, arena_, context.baggage, left_out_);
      written = EncodeBaggage(context.baggage, arena_, left_out_);
    } else {
      ASSERT_EQ(form, "b3");
      good = DecodeB3(text, context);
      if (context.trace_id) written = EncodeB3(context, arena_);
    }
    ASSERT_EQ(good, !vector.malformed());
    if (vector.malformed()) return;
    EXPECT_EQ(Show(context), ShowExpected(vector.Part("context")));
    EXPECT_EQ(written, vector.Has("written") ? vector.Text("written") : vector.Text("text"));
  });
}

TEST_F(VectorsTest, Times) {
  ForEach("times.json", 30, [&](const Vector& vector) {
    const std::string form = vector.Text("form"), text = vector.Text("text");
    std::optional<uint64_t> nanoseconds;
    if (form == "x-deadline") {
      nanoseconds = ParseDeadline(text);
    } else {
      ASSERT_TRUE(form == "x-timeout-ms" || form == "grpc-timeout");
      const auto time = form == "x-timeout-ms" ? ParseTimeoutMs(text) : http::ParseGrpcTimeout(text);
      if (time) nanoseconds = time->count();
    }
    ASSERT_EQ(nanoseconds.has_value(), !vector.malformed());
    if (nanoseconds) {
      EXPECT_EQ(std::to_string(*nanoseconds), vector.Text("nanoseconds"));
    }
  });
}

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields ListOf(const Value& value) {
  Fields fields;
  for (const Value& field : value.list_value().values()) {
    fields.emplace_back(field.list_value().values(0).string_value(), field.list_value().values(1).string_value());
  }
  return fields;
}

TEST_F(VectorsTest, Heads) {
  const uint64_t now = std::stoull(Load("heads.json").fields().at("now").string_value());
  const Moment moment{base::MonotonicTime(std::chrono::hours(1)), base::WallTime(base::Duration(now))};
  ForEach("heads.json", 40, [&](const Vector& vector) {
    const bool grpc = vector.At("grpc").bool_value();
    http::HeaderMap headers(arena_);
    for (const auto& [name, value] : ListOf(vector.At("fields"))) headers.Add(Kept(name), Kept(value));
    Extraction extraction;
    Extract(headers, {.grpc = grpc}, moment, extraction);
    EXPECT_EQ(Show(extraction.context), ShowExpected(vector.Part("context")));
    std::vector<std::string> malformed, expected;
    extraction.malformed.ForEach([&](Carrier c) { malformed.emplace_back(kCarrierNames[static_cast<size_t>(c)]); });
    for (const Value& name : vector.At("malformed").list_value().values()) expected.push_back(name.string_value());
    EXPECT_EQ(malformed, expected);
    const std::string skew = vector.Has("clock_skew") ? vector.Text("clock_skew") : "0";
    EXPECT_EQ(std::to_string(extraction.clock_skew.count()), skew);
    if (!vector.Has("written")) return;
    Inject(extraction.context, {.grpc = grpc}, moment.monotonic, headers);
    Fields written, wanted = ListOf(vector.At("written"));
    for (const http::HeaderField& field : headers) written.emplace_back(field.name(), field.value());
    std::sort(written.begin(), written.end());
    std::sort(wanted.begin(), wanted.end());
    EXPECT_EQ(written, wanted);
  });
}

}  // namespace
}  // namespace pillion::context
