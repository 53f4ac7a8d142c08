#pragma once

// Access logs, as telemetry/ has them.

#include "source/telemetry/log_settings.h"

namespace pillion::config {

using AccessLog = telemetry::LogSettings;
using telemetry::DefaultLogFormat;
using telemetry::FileLogSink;
using telemetry::JsonFormat;
using telemetry::JsonLogFormat;
using telemetry::StderrLogSink;
using telemetry::StdoutLogSink;
using telemetry::TextLogFormat;

}  // namespace pillion::config
