#include "source/filters/rules/config.h"

#include <algorithm>

#include "pillion/filters/http/limit/v1/limit.pb.h"
#include "source/expression/compiler.h"

namespace pillion::filters::rules {

namespace v1 = pillion::filters::http::limit::v1;
using config::BuildContext;
using config::FieldPath;

constexpr size_t kLongestName = 64;

namespace {

Expression Build(BuildContext& context, const std::string& text, const std::string& path,
                 const expression::CompileOptions& options) {
  auto program = expression::Compile(text, options);
  if (program.ok()) return *std::move(program);
  context.errors.Add(path, std::string(program.status().message()));
  return nullptr;
}

}  // namespace

Expression BuildExpression(BuildContext& context, const std::string& text, const std::string& path,
                           std::optional<expression::Kind> result) {
  return Build(context, text, path, {.result = result});
}

Expression BuildExpressionOfAnswers(BuildContext& context, const std::string& text, const std::string& path,
                                    std::optional<expression::Kind> result) {
  return Build(context, text, path, {.check = {.moment = expression::Moment::kEnd}, .result = result});
}

void CheckName(BuildContext& context, const std::string& name, const std::string& path) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  if (name.size() <= kLongestName && std::all_of(name.begin(), name.end(), fits)) return;
  context.errors.Add(path, config::Concat(config::Quote(name), ", expected at most ", kLongestName,
                                          " letters, digits, _, - and ."));
}

Answer BuildAnswer(BuildContext& context, const v1::Rule::Answer& from, const std::string& path, Answer answer) {
  if (from.has_status()) answer.status = static_cast<int>(from.status().value());
  if (from.has_grpc_status()) answer.grpc_status = static_cast<int>(from.grpc_status().value());
  answer.body = from.body();
  answer.headers = config::BuildHeaderEdits(context, from.headers_to_add(), FieldPath(path, "headers_to_add"), {}, "");
  return answer;
}

Answer BuildRefusal(BuildContext& context, const v1::Rule::Answer& from, const std::string& path, Answer answer) {
  answer = BuildAnswer(context, from, path, std::move(answer));
  if (answer.status < 400) {
    context.errors.Add(FieldPath(path, "status"),
                       config::Concat(answer.status, ", expected at least 400: who is refused has no answer"));
  }
  return answer;
}

Degrade BuildDegrade(BuildContext& context, const v1::Rule::Degrade& from, const std::string& path) {
  Degrade degrade{.cluster = from.cluster(), .answer = {}, .request = {}};
  if (from.cluster().empty() != from.has_answer()) {
    context.errors.Add(path, "expected one of cluster and answer");
  } else if (!from.cluster().empty()) {
    config::CheckRequestCluster(context, from.cluster(), FieldPath(path, "cluster"));
  } else if (from.request_headers_to_add_size() > 0) {
    context.errors.Add(FieldPath(path, "request_headers_to_add"), "expected none beside an answer: no request goes on");
  }
  if (from.has_answer()) {
    degrade.answer = BuildAnswer(context, from.answer(), FieldPath(path, "answer"),
                                 {.status = 200, .body = {}, .grpc_status = kUnavailable, .headers = {}});
  }
  degrade.request = config::BuildHeaderEdits(context, from.request_headers_to_add(),
                                             FieldPath(path, "request_headers_to_add"), {}, "");
  return degrade;
}

}  // namespace pillion::filters::rules
