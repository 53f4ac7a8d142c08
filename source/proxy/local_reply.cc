#include "source/proxy/local_reply.h"

#include "source/base/number_text.h"
#include "source/http/grpc_message.h"
#include "source/http/status.h"

namespace pillion::proxy {
std::string_view FormatBody(const config::BodyFormat& format, const telemetry::RequestRecord& record, base::Arena& arena) {
  std::string scratch;
  if (const auto* text = std::get_if<telemetry::TextFormat>(&format.format)) {
    return text->Evaluate(record, format.omit_empty_values ? "" : "-", arena, scratch);
  }
  std::string json;
  std::get<std::shared_ptr<const telemetry::LogFormat>>(format.format)->Append(record, json, scratch);
  return arena.Copy(json);
}

void MapReply(const config::LocalReplies& replies, telemetry::RequestRecord& record, base::Arena& arena,
              ReplyDraft& draft) {
  record.response_code = static_cast<uint64_t>(draft.status);
  record.local_reply_body = draft.body;
  const config::BodyFormat* format = replies.format ? &*replies.format : nullptr;
  for (const config::ReplyMapper& mapper : replies.mappers) {
    if (!mapper.filter.Holds(record)) continue;
    if (mapper.body) draft.body = *mapper.body;
    if (mapper.status) draft.status = *mapper.status;
    if (mapper.format) format = &*mapper.format;
    draft.headers = &mapper.headers;
    break;
  }
  record.response_code = static_cast<uint64_t>(draft.status);
  record.local_reply_body = draft.body;
  if (format == nullptr) return;
  draft.body = FormatBody(*format, record, arena);
  draft.content_type = format->content_type;
}

void AddGrpcStatus(http::HeaderMap& fields, int status, std::string_view message) {
  base::Arena& arena = fields.arena();
  fields.Set(http::HeaderId::kGrpcStatus, base::NumberText(status, arena));
  if (!message.empty()) fields.Set(http::HeaderId::kGrpcMessage, http::EncodeGrpcMessage(arena, message));
}

LocalReply FinishLocalReply(http::ResponseHead& head, int status, std::string_view body, std::string_view content_type,
                            bool grpc, int grpc_status) {
  using http::HeaderId;
  base::Arena& arena = head.headers.arena();
  if (grpc) {
    head.status = 200;
    head.headers.Set(HeaderId::kContentType, "application/grpc");
    AddGrpcStatus(head.headers, grpc_status < 0 ? http::GrpcStatusOf(status) : grpc_status, body);
    return {&head, {}};
  }
  head.status = status;
  if (status >= 200 && status != 204 && status != 304) {
    head.content_length = static_cast<int64_t>(body.size());
    if (!body.empty()) {
      head.headers.Set(HeaderId::kContentLength, base::NumberText(body.size(), arena));
      if (!head.headers.Has(HeaderId::kContentType)) head.headers.Add(HeaderId::kContentType, content_type);
    }
  } else {
    body = {};
  }
  return {&head, body};
}

}  // namespace pillion::proxy
