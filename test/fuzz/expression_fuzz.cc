// Input: a byte of options, then an expression. Whatever it is, it is refused with a place or compiled; what is compiled gives the
// same for the same request twice, a value of the type that was said, and uses no more memory than it may.

#include <cstdint>
#include <string>

#include "source/base/check.h"
#include "source/expression/compiler.h"
#include "source/expression/evaluator.h"
#include "test/unit/expression/request.h"

namespace pillion::expression {
namespace {

constexpr uint8_t kWithoutTypes = 1;
constexpr uint8_t kAtEnd = 2;
constexpr uint8_t kNothingKnown = 4;

TestRequest MakeRequest() {
  TestRequest request;
  request.values = {{Attribute::kRequestPath, Value::String("/v1/payments/7?page=2")},
                    {Attribute::kRequestMethod, Value::String("POST")},
                    {Attribute::kRequestSize, Value::Int(512)},
                    {Attribute::kRequestTime, Value::Timestamp(Seconds{1'795'000'000, 5})},
                    {Attribute::kConnectionMtls, Value::Bool(true)},
                    {Attribute::kContextTenant, Value::String("acme\xff")},
                    {Attribute::kContextTimeLeft, Value::Duration(Seconds{-1, 500'000'000})},
                    {Attribute::kResponseCode, Value::Int(503)}};
  request.maps[Attribute::kRequestHeaders] = {{"x-tenant-id", "acme"}, {"accept", "text/html"}, {"x-units", "12"}};
  request.maps[Attribute::kContextBaggage] = {{"region", "cn-south-1"}};
  return request;
}

void Fuzz(uint8_t options, std::string_view text) {
  const CheckOptions check{.moment = (options & kAtEnd) != 0 ? Moment::kEnd : Moment::kRequest,
                           .types = (options & kWithoutTypes) == 0};
  const auto program = Compile(text, {.check = check});
  if (!program.ok()) {
    PILLION_CHECK(!program.status().message().empty());
    return;
  }
  const TestRequest request = (options & kNothingKnown) != 0 ? TestRequest() : MakeRequest();
  base::BlockPool blocks;
  base::Arena arena(blocks), other(blocks);
  const Value value = Evaluate(**program, request, arena);
  PILLION_CHECK(arena.bytes_taken() <= 2 * kMostBytes);  // and what was lost to alignment
  PILLION_CHECK(Show(value) == Show(Evaluate(**program, request, other)));
  if (value.is_error()) {
    PILLION_CHECK(value.place() <= text.size());
    return;
  }
  const Type& type = (*program)->result();
  const Kind kind = value.Is(Kind::kLookup) ? Kind::kMap : value.kind();
  PILLION_CHECK(type.is_dynamic() || type.Is(kind));
  AsText(value, other);
}

}  // namespace
}  // namespace pillion::expression

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  pillion::expression::Fuzz(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
