package sample

import (
	"strings"

	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// sample is a provider with its models, or a server with its tools.
type sample struct {
	name, url string
	items     []string
	prices    string // as forms show them
}

var sampleProviders = []sample{
	{name: "openai", items: strings.Fields(`gpt-5 gpt-5-mini gpt-5-nano gpt-5-codex gpt-4.1 gpt-4.1-mini gpt-4.1-nano gpt-4o gpt-4o-mini
		o3 o3-mini o4-mini gpt-image-1 text-embedding-3-large text-embedding-3-small whisper-1 gpt-4o-transcribe gpt-4o-mini-tts`), prices: `gpt-5 1.25 10
gpt-5-mini 0.25 2
gpt-5-nano 0.05 0.4
gpt-5-codex 1.25 10
gpt-4.1 2 8
gpt-4.1-mini 0.4 1.6
gpt-4.1-nano 0.1 0.4
gpt-4o 2.5 10
gpt-4o-mini 0.15 0.6
o3 2 8
o3-mini 1.1 4.4
o4-mini 1.1 4.4
text-embedding-3-large 0.13 0
text-embedding-3-small 0.02 0`},
	{name: "anthropic", items: strings.Fields(`claude-opus-4-5 claude-opus-4-1 claude-sonnet-4-5 claude-sonnet-4-0 claude-haiku-4-5
		claude-3-5-haiku-latest`), prices: `claude-opus-4-5 5 25
claude-opus-4-1 15 75
claude-sonnet-4-5 3 15
claude-sonnet-4-0 3 15
claude-haiku-4-5 1 5
claude-3-5-haiku-latest 0.8 4`},
	{name: "gemini", items: strings.Fields(`gemini-2.5-pro gemini-2.5-flash gemini-2.5-flash-lite gemini-2.5-flash-image
		gemini-2.0-flash gemini-embedding-001`), prices: `gemini-2.5-pro 1.25 10
gemini-2.5-flash 0.3 2.5
gemini-2.5-flash-lite 0.1 0.4
gemini-2.0-flash 0.1 0.4`},
	{name: "mistral", items: strings.Fields(`mistral-large-latest mistral-medium-latest mistral-small-latest magistral-medium-latest
		codestral-latest devstral-medium-latest ministral-8b-latest ministral-3b-latest pixtral-large-latest
		mistral-ocr-latest mistral-embed`)},
	{name: "cohere", items: strings.Fields(`command-a-03-2025 command-a-reasoning-08-2025 command-r-plus-08-2024 command-r-08-2024
		command-r7b-12-2024 embed-v4.0 rerank-v3.5`)},
	{name: "groq", items: strings.Fields(`llama-3.3-70b-versatile llama-3.1-8b-instant openai/gpt-oss-120b openai/gpt-oss-20b
		moonshotai/kimi-k2-instruct-0905 qwen/qwen3-32b whisper-large-v3-turbo`)},
	{name: "bedrock", items: strings.Fields(`anthropic.claude-sonnet-4-5-20250929-v1:0 anthropic.claude-haiku-4-5-20251001-v1:0
		amazon.nova-premier-v1:0 amazon.nova-pro-v1:0 amazon.nova-lite-v1:0 amazon.nova-micro-v1:0
		amazon.titan-embed-text-v2:0
		meta.llama3-3-70b-instruct-v1:0`)},
	{name: "azure", items: strings.Fields(`gpt-5 gpt-5-mini gpt-4.1 gpt-4.1-mini gpt-4o o4-mini text-embedding-3-large`)},
}

var sampleServers = []sample{
	{name: "GitHub", url: "https://api.githubcopilot.com/mcp/", items: strings.Fields(`add_issue_comment create_branch create_issue
		create_or_update_file create_pull_request create_repository delete_file fork_repository get_commit get_file_contents
		get_issue get_me get_pull_request list_branches list_commits list_issues list_pull_requests merge_pull_request
		push_files search_code search_issues search_repositories update_issue update_pull_request`)},
	{name: "Jira", url: "https://mcp.atlassian.com/v1/mcp", items: strings.Fields(`addCommentToJiraIssue addWorklogToJiraIssue
		atlassianUserInfo createJiraIssue editJiraIssue getJiraIssue getTransitionsForJiraIssue getVisibleJiraProjects
		lookupJiraAccountId searchJiraIssuesUsingJql transitionJiraIssue`)},
	{name: "Slack", items: strings.Fields(`slack_add_reaction slack_get_channel_history slack_get_thread_replies slack_get_user_profile
		slack_get_users slack_list_channels slack_post_message slack_reply_to_thread`)},
	{name: "Postgres", items: strings.Fields(`analyze_db_health analyze_query_indexes analyze_workload_indexes execute_sql explain_query
		get_object_details get_top_queries list_objects list_schemas`)},
	{name: "Filesystem", items: strings.Fields(`create_directory directory_tree edit_file get_file_info list_allowed_directories
		list_directory list_directory_with_sizes move_file read_media_file read_multiple_files read_text_file search_files write_file`)},
}

// sampleGroup is a tool group: for each server the tools, or "*".
type sampleGroup struct {
	name, description string
	tools             []sample
}

var sampleGroups = []sampleGroup{
	{"Code review", "Read repositories and take part in pull requests.", []sample{
		{name: "github", items: strings.Fields(`add_issue_comment get_commit get_file_contents get_pull_request list_branches list_commits
			list_pull_requests search_code update_pull_request`)},
	}},
	{"Read only", "Look things up everywhere, change nothing.", []sample{
		{name: "github", items: strings.Fields("get_commit get_file_contents get_issue " +
			"list_commits list_issues search_code search_issues")},
		{name: "jira", items: strings.Fields("getJiraIssue getVisibleJiraProjects searchJiraIssuesUsingJql")},
		{name: "slack", items: strings.Fields("slack_get_channel_history slack_get_thread_replies slack_list_channels")},
		{name: "postgres", items: strings.Fields("explain_query get_object_details list_objects list_schemas")},
	}},
	{"Support desk", "Everything in Jira, and answers in Slack.", []sample{
		{name: "jira", items: []string{"*"}},
		{name: "slack", items: strings.Fields("slack_get_channel_history slack_get_thread_replies " +
			"slack_post_message slack_reply_to_thread")},
	}},
}

func (g sampleGroup) input() mcptool.ToolGroupInput {
	return mcptool.ToolGroupInput{
		Name: input.SampleText(g.name), Description: input.SampleText(g.description),
		Tools: input.ListOf(g.tools, func(s sample) mcptool.GroupToolsInput {
			return mcptool.GroupToolsInput{
				Row: input.Row{Kind: input.Object}, MCPClientID: input.SampleText(s.name),
				ToolNames: input.SampleTexts(s.items),
			}
		}),
	}
}
