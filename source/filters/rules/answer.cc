#include "source/filters/rules/answer.h"

#include "source/route/header_edits.h"

namespace pillion::filters::rules {

void SendOn(filter::StreamContext& stream, const Degrade& degrade) {
  stream.SendTo(degrade.cluster);
  if (degrade.request.empty()) return;
  telemetry::RequestRecord record;
  stream.Describe(record);
  route::ApplyHeaderEdits(degrade.request, record, stream.request().headers);
}

void EditHead(filter::StreamContext& stream, const Answer& answer, pillion::http::ResponseHead& head) {
  if (answer.headers.empty()) return;
  telemetry::RequestRecord record;
  stream.Describe(record);
  record.response = &head;
  record.response_code = static_cast<uint64_t>(head.status);
  route::ApplyHeaderEdits(answer.headers, record, head.headers);
}

}  // namespace pillion::filters::rules
